"""The only source of the current time."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds from an arbitrary start that never go back."""
    return time.monotonic()
