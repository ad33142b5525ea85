"""Rotates keys as `atelier secret` does, in a process that a test lets die; in batches so small that it has many steps."""

from app.backend.secrets import rotation
from app.cli.secret import app


def main() -> None:
    """Rotate as the arguments say."""
    rotation.BATCH = 3
    app()
