"""A bar with what is being done."""

from typing import Any

import reflex as rx


def progress(text: Any, percent: Any) -> rx.Component:
    """Return the bar; without a percentage it only says that something goes on."""
    return rx.el.div(
        rx.cond(
            percent > 0,
            rx.el.progress(
                value=percent.to(str),
                max="100",
                aria_label=text,
                class_name="h-2 w-full accent-accent",
            ),
            rx.el.progress(aria_label=text, class_name="h-2 w-full accent-accent"),
        ),
        rx.el.p(
            text,
            rx.cond(percent > 0, rx.fragment(" ", percent.to(str), " %")),
            role="status",
            class_name="text-xs break-words text-muted tabular-nums",
        ),
    )
