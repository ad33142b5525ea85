"""Secrets: those that users store, and references to those that others keep."""
