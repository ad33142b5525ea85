"""Parts of the page of models."""
