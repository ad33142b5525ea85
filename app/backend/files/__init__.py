"""Uploaded originals in the object store."""
