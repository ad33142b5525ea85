"""Parts of the pages about the second factor."""
