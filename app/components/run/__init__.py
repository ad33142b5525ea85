"""Parts of the pages about runs."""
