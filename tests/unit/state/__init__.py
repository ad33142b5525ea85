"""Stores without services."""
