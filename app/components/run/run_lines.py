"""Runs as short lines."""

from typing import Any

import reflex as rx

from app import routes
from app.components.ui.badge import run_status
from app.components.ui.card import SURFACE
from app.components.widgets.clock import elapsed, time_ago


def run_lines(lines: Any, *, times: Any, label: str) -> rx.Component:
    """Return a list of links to runs, each with status, question, and how long it took or takes."""
    return rx.el.ul(
        rx.foreach(lines, lambda line: _line(line, times)),
        aria_label=label,
        class_name=f"{SURFACE} divide-y divide-line overflow-hidden",
    )


def _line(line: Any, times: Any) -> rx.Component:
    return rx.el.li(
        rx.el.a(
            rx.el.span(run_status(line.status), class_name="flex w-28 shrink-0"),
            rx.el.span(
                rx.el.span(line.query, class_name="block truncate font-medium"),
                rx.el.span(
                    line.agent_name, class_name="block truncate text-xs text-muted"
                ),
                class_name="order-first w-full min-w-0 sm:order-none sm:w-auto sm:flex-1",
            ),
            elapsed(
                start=line.started_at,
                end=line.completed_at,
                class_name="hidden w-16 text-end text-xs text-muted sm:block",
            ),
            time_ago(
                at=line.created_at,
                mode=times,
                class_name="ms-auto w-20 shrink-0 text-end text-xs text-muted sm:ms-0",
            ),
            href=routes.run_path(line.id),
            class_name="flex min-h-14 flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2 transition-colors duration-100 hover:bg-sunken/60 -outline-offset-2 sm:flex-nowrap",
        ),
        key=line.id,
    )
