"""Parts of the page of an administrator."""
