"""Domains of the platform; nothing here knows the UI framework."""
