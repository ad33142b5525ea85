"""Parts of the audit page."""
