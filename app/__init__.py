"""Atelier: a self-hosted platform for AI agents."""
