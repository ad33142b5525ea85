"""What a list shows when it has nothing to show."""

from typing import Any

import reflex as rx


def empty(icon: str, title: str, text: Any, *actions: Any) -> rx.Component:
    """Return one sentence on what appears here, and what to do about it."""
    return rx.el.div(
        rx.el.div(
            rx.icon(icon, size=20, aria_hidden="true"),
            class_name="mb-3 flex size-10 items-center justify-center rounded-xl bg-accent-soft text-accent",
        ),
        rx.el.p(title, class_name="font-semibold"),
        rx.el.p(text, class_name="mt-1 max-w-md text-sm text-muted"),
        rx.el.div(*actions, class_name="mt-4 flex flex-wrap justify-center gap-2")
        if actions
        else None,
        class_name="flex flex-col items-center rounded-xl border border-dashed border-line-strong px-6 py-12 text-center",
    )
