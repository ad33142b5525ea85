"""Tabs that are links, so that the address says which one is open."""

from collections.abc import Sequence
from typing import Any

import reflex as rx


def tabs(label: str, items: Sequence[tuple[str, str, Any]]) -> rx.Component:
    """Return a row of links; each item is its words, its address and whether it is open."""
    return rx.el.nav(
        *[
            rx.el.a(
                text,
                href=href,
                aria_current=rx.cond(is_open, "page", "false"),
                class_name="-mb-px flex h-9 items-center border-b-2 border-transparent px-1 text-sm font-medium text-muted "
                "hover:text-ink aria-[current=page]:border-accent aria-[current=page]:text-ink",
            )
            for text, href, is_open in items
        ],
        aria_label=label,
        class_name="flex gap-5 overflow-x-auto border-b border-line",
    )
