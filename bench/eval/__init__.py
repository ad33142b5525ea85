"""The evaluation set: an invented company, its documents in five formats, and questions about them."""
