"""The middlewares that come with the product."""
