"""Journeys in a real browser on a real `atelier up`."""
