"""The runs of a tree: what a run started, and what those started."""

from typing import Any

import reflex as rx

from app import routes
from app.components.run import strings as words
from app.components.ui.badge import run_status
from app.components.ui.card import SURFACE
from app.components.widgets.clock import elapsed


def run_tree(lines: Any) -> rx.Component:
    """Return a nested list of links to runs, each with its agent, its status and its time."""
    return rx.el.section(
        rx.el.h2(words.TREE, id="run-tree", class_name="mb-2 text-base font-semibold"),
        rx.el.ul(
            rx.foreach(lines, _line),
            class_name=f"{SURFACE} divide-y divide-line overflow-hidden",
        ),
        aria_labelledby="run-tree",
    )


def _line(line: Any) -> rx.Component:
    return rx.el.li(
        rx.el.a(
            rx.cond(
                line.depth > 0,
                rx.icon(
                    "corner_down_right",
                    size=14,
                    aria_hidden="true",
                    class_name="shrink-0 text-faint",
                ),
            ),
            rx.el.span(
                line.agent_name,
                rx.cond(
                    line.is_here,
                    rx.el.span(f" ({words.TREE_HERE})", class_name="text-muted"),
                ),
                class_name="min-w-0 flex-1 truncate font-medium",
            ),
            elapsed(
                start=line.started_at,
                end=line.completed_at,
                class_name="text-xs text-muted tabular-nums",
            ),
            run_status(line.status),
            href=routes.run_path(line.id),
            aria_current=rx.cond(line.is_here, "page", "false"),
            class_name="flex min-h-11 items-center gap-2 py-1.5 pe-3 -outline-offset-2 hover:bg-sunken aria-[current=page]:bg-accent-soft",
            # Deeper than so there is no room left for the name.
            style={"padding_inline_start": f"min({line.depth} * 1rem + 0.75rem, 6rem)"},
        ),
        key=line.id,
    )
