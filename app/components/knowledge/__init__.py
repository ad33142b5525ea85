"""Parts of the pages about documents."""
