"""Collections, documents, chunks, and the search over them."""
