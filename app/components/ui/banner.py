"""A sentence across a page on why it is not as usual."""

from typing import Any

import reflex as rx


def banner(title: Any, text: Any) -> rx.Component:
    """Return what is different, and what to do; it is spoken when it appears."""
    return rx.el.div(
        rx.icon(
            "info", size=16, aria_hidden="true", class_name="mt-0.5 shrink-0 text-warn"
        ),
        rx.el.div(
            rx.el.p(title, class_name="font-medium"),
            rx.el.p(text, class_name="text-sm text-muted"),
            class_name="min-w-0",
        ),
        role="status",
        class_name="mb-4 flex gap-2.5 rounded-xl border border-line bg-warn-soft px-4 py-3",
    )
