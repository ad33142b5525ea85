"""What stands before a model: checks, caches and the like, as rows in an order."""
