"""Parts of the pages that need no login."""
