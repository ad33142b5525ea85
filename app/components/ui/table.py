"""Tables that become cards on a narrow screen."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from app.components.ui.card import SURFACE

ROW = "group border-b border-line last:border-0 hover:bg-sunken/60"


def table(caption: str, heads: Sequence[str], body: rx.Component) -> rx.Component:
    """Return a table; an empty head stands over actions."""
    return rx.el.div(
        rx.el.table(
            rx.el.caption(caption, class_name="sr-only"),
            rx.el.thead(
                rx.el.tr(
                    *[
                        rx.el.th(
                            head or rx.el.span("Actions", class_name="sr-only"),
                            scope="col",
                            class_name="h-9 px-4 text-start text-xs font-medium text-muted",
                        )
                        for head in heads
                    ]
                ),
                class_name="hidden border-b border-line bg-sunken/50 sm:table-header-group",
            ),
            rx.el.tbody(body, class_name="block sm:table-row-group"),
            class_name="block w-full border-collapse text-sm sm:table",
        ),
        class_name=f"{SURFACE} overflow-hidden",
    )


def row(*cells: Any, key: Any, **props: Any) -> rx.Component:
    """Return a table row; on a narrow screen its cells flow."""
    return rx.el.tr(
        *cells,
        key=key,
        class_name=f"{ROW} flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-3 sm:table-row sm:p-0",
        **props,
    )


def cell(*children: Any, class_name: str = "", **props: Any) -> rx.Component:
    """Return one cell."""
    return rx.el.td(
        *children, class_name=f"sm:h-12 sm:px-4 sm:py-2 {class_name}", **props
    )
