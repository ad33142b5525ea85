"""Parts of the pages about agents."""
