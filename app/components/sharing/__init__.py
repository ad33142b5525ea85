"""Parts of pages that show with whom something is shared."""
