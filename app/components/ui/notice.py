"""Notices in a corner, spoken politely; they wait while hovered or focused."""

from typing import Any

import reflex as rx

from app.components.ui.button import button, icon_button
from app.components.widgets.page import notices


class _Timer(rx.el.Div):
    on_animation_end: rx.EventHandler[rx.event.no_args_event_spec]


def notice(row: Any, *, on_undo: Any, on_close: Any) -> rx.Component:
    """Return one notice; errors have no timer."""
    is_error = row.kind == "error"
    return rx.el.div(
        rx.el.div(
            rx.match(
                row.kind,
                (
                    "error",
                    rx.icon(
                        "circle_alert",
                        size=16,
                        aria_hidden="true",
                        class_name="mt-0.5 shrink-0 text-bad",
                    ),
                ),
                (
                    "done",
                    rx.icon(
                        "circle_check",
                        size=16,
                        aria_hidden="true",
                        class_name="mt-0.5 shrink-0 text-ok",
                    ),
                ),
                rx.icon(
                    "info",
                    size=16,
                    aria_hidden="true",
                    class_name="mt-0.5 shrink-0 text-accent",
                ),
            ),
            rx.el.div(
                rx.el.p(row.text),
                rx.cond(
                    row.error_id != "",
                    rx.el.p(
                        "Error id ",
                        rx.el.code(row.error_id, class_name="select-all font-mono"),
                        class_name="mt-0.5 text-xs text-muted",
                    ),
                ),
                class_name="min-w-0 flex-1 break-words text-sm",
            ),
            rx.cond(
                row.undo != "",
                button("Undo", size="sm", on_click=on_undo, class_name="-my-1"),
            ),
            icon_button("x", "Dismiss", on_click=on_close, class_name="-my-1.5 -me-2"),
            class_name="flex items-start gap-2.5 px-3.5 py-3",
        ),
        rx.cond(
            is_error,
            rx.fragment(),
            _Timer.create(
                class_name=rx.cond(
                    row.undo != "",
                    "linger h-0.5 bg-accent/40",
                    "linger linger-short h-0.5 bg-accent/40",
                ),
                on_animation_end=on_close,
            ),
        ),
        key=row.id,
        class_name="notice pointer-events-auto overflow-hidden rounded-xl border border-line bg-raised text-ink shadow-pop",
    )


def notice_stack(rows: Any, render: Any) -> rx.Component:
    """Return the corner where notices appear."""
    return notices(
        rx.foreach(rows, render),
        class_name="pointer-events-none fixed inset-x-3 bottom-20 z-50 flex flex-col gap-2 sm:inset-x-auto sm:end-4 sm:top-4 sm:bottom-auto sm:w-96",
    )
