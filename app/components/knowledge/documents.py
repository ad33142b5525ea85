"""The table of documents, each with its way through the stages."""

from typing import Any

import reflex as rx

from app import routes
from app.components.knowledge import strings as words
from app.components.ui.badge import badge
from app.components.ui.button import button
from app.components.ui.counted import counted
from app.components.ui.menu import menu, menu_item
from app.components.ui.table import cell, row, table
from app.components.widgets.clock import time_ago
from app.state.collection import CollectionState
from app.state.session import SessionState

_HEADS = ("Name", "Status", "Size", "Added", "")


def document_table() -> rx.Component:
    """Return the table."""
    return table(words.DOCUMENTS, _HEADS, rx.foreach(CollectionState.rows, _row))


def _row(document: Any) -> rx.Component:
    menu_id = "document-" + document.id
    return row(
        cell(
            rx.el.a(
                rx.icon(
                    "file_text",
                    size=16,
                    aria_hidden="true",
                    class_name="shrink-0 text-faint",
                ),
                rx.el.span(
                    document.name,
                    class_name="min-w-0 truncate font-medium group-hover:text-accent",
                ),
                href=routes.document_path(document.id),
                class_name="flex min-w-0 items-center gap-2 rounded",
            ),
            class_name="w-full min-w-0 sm:w-auto sm:max-w-xs",
        ),
        cell(_status(document), class_name="w-full sm:w-80"),
        cell(
            rx.el.span(document.size, class_name="text-xs text-muted tabular-nums"),
            class_name="whitespace-nowrap",
        ),
        cell(
            time_ago(
                at=document.created_at,
                mode=SessionState.times,
                class_name="text-xs text-muted",
            ),
            class_name="whitespace-nowrap",
        ),
        cell(
            rx.cond(
                CollectionState.shown.can_edit,
                menu(
                    menu_id,
                    menu_item(
                        menu_id,
                        "trash_2",
                        "Delete…",
                        is_dangerous=True,
                        on_click=CollectionState.ask_delete(document.id, document.name),
                    ),
                    label="Actions for " + document.name,
                ),
            ),
            class_name="ms-auto text-end",
        ),
        key=document.id,
    )


def _status(document: Any) -> rx.Component:
    return rx.fragment(
        rx.match(
            document.status,
            (
                "ready",
                rx.el.span(
                    badge("Ready", tone="ok", icon="circle_check"),
                    rx.el.span(
                        counted(document.chunks, "passage"),
                        class_name="text-xs text-muted tabular-nums",
                    ),
                    class_name="flex items-center gap-2",
                ),
            ),
            (
                "failed",
                rx.el.div(
                    rx.el.div(
                        badge("Failed", tone="bad", icon="circle_x"),
                        rx.cond(
                            CollectionState.shown.can_edit,
                            button(
                                words.RETRY,
                                size="sm",
                                icon="rotate_cw",
                                on_click=CollectionState.retry(document.id),
                                aria_label="Retry " + document.name,
                            ),
                        ),
                        class_name="flex items-center gap-2",
                    ),
                    rx.el.p(document.error, class_name="mt-1 text-xs text-bad"),
                ),
            ),
            _stages(document),
        )
    )


def _stages(document: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.icon(
                "loader_circle",
                size=13,
                aria_hidden="true",
                class_name="animate-spin text-accent",
            ),
            rx.el.span(document.status, class_name="font-medium capitalize"),
            rx.el.span(document.progress, class_name="ms-auto text-muted tabular-nums"),
            class_name="flex items-center gap-1.5 text-xs",
        ),
        rx.el.div(
            *[_stage(document.stage, number) for number in range(len(words.STAGES))],
            role="progressbar",
            aria_label="Ingest of " + document.name,
            aria_valuemin="0",
            aria_valuemax="100",
            aria_valuenow=document.percent.to(str),
            class_name="mt-1.5 flex gap-1",
        ),
    )


def _stage(reached: Any, number: int) -> rx.Component:
    look = "h-1 flex-1 rounded-full"
    return rx.el.span(
        class_name=rx.cond(
            reached > number,
            f"{look} bg-accent",
            rx.cond(reached == number, f"{look} bg-accent/40", f"{look} bg-line"),
        )
    )
