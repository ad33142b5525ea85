"""The atelier command."""
