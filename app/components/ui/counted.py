"""Numbers of things in words."""

from typing import Any

import reflex as rx


def counted(count: Any, noun: str) -> Any:
    """Return `1 document`, or `2 documents`."""
    return rx.cond(count == 1, f"1 {noun}", count.to(str) + f" {noun}s")
