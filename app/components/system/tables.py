"""Queues, dead letters and tables of the database, as tables."""

from typing import Any

import reflex as rx

from app import routes
from app.components.system import strings as words
from app.components.ui.button import button, text_link
from app.components.ui.card import SURFACE, section
from app.components.ui.table import cell, row, table
from app.components.widgets.clock import time_ago
from app.state.session import SessionState
from app.state.system import SystemState

_NUMBER = "tabular-nums sm:w-28"


def queues() -> rx.Component:
    """Return the job queues."""
    return section(
        words.QUEUES,
        table(
            words.QUEUES,
            words.QUEUE_HEADS,
            rx.foreach(SystemState.queues, _queue),
        ),
    )


def dead_letters() -> rx.Component:
    """Return the runs that lost their workers, and what can be done about them."""
    return section(
        words.DEAD,
        rx.cond(
            SystemState.dead.length() > 0,
            rx.el.ul(
                rx.foreach(SystemState.dead, _dead),
                aria_label=words.DEAD,
                class_name=f"{SURFACE} divide-y divide-line",
            ),
            rx.el.p(
                rx.icon(
                    "circle_check", size=16, aria_hidden="true", class_name="text-ok"
                ),
                words.NO_DEAD,
                class_name="flex min-h-12 items-center gap-2.5 rounded-xl border border-dashed border-line-strong px-4 text-sm text-muted",
            ),
        ),
        description=words.DEAD_ABOUT,
        actions=rx.cond(
            SystemState.dead.length() > 0,
            button(
                words.REQUEUE_ALL,
                " (",
                SystemState.dead_total,
                ")",
                size="sm",
                on_click=SystemState.ask("requeue_all", ""),
            ),
        ),
    )


def storage() -> rx.Component:
    """Return what the database holds."""
    return section(
        words.STORAGE,
        table(words.STORAGE, words.TABLE_HEADS, rx.foreach(SystemState.tables, _table)),
        description=words.STORAGE_ABOUT,
        actions=button(
            words.PRUNE,
            size="sm",
            icon="eraser",
            on_click=SystemState.ask_to_prune,
        ),
    )


def _queue(queue: Any) -> rx.Component:
    return row(
        cell(queue.id, class_name="w-full font-medium sm:w-auto"),
        cell(_named(words.QUEUE_HEADS[1]), queue.waiting, class_name=_NUMBER),
        cell(
            _named(words.QUEUE_HEADS[2]),
            rx.cond(
                queue.oldest_at != "",
                time_ago(at=queue.oldest_at, mode=SessionState.times),
                words.NOTHING,
            ),
            class_name="sm:w-36",
        ),
        cell(
            _named(words.QUEUE_HEADS[3]),
            rx.el.span(
                queue.failed, class_name=rx.cond(queue.failed > 0, "text-bad", "")
            ),
            class_name=_NUMBER,
        ),
        cell(
            rx.cond(
                queue.failed > 0,
                button(
                    words.EMPTY_FAILED,
                    size="sm",
                    on_click=SystemState.ask("empty", queue.id),
                    aria_label=words.EMPTY_FAILED + ": " + queue.id,
                ),
            ),
            class_name="sm:w-36 sm:text-end",
        ),
        key=queue.id,
    )


def _dead(run: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.cond(
                run.is_own,
                text_link(
                    run.name, href=routes.run_path(run.id), class_name="font-medium"
                ),
                rx.el.span(run.name, class_name="font-medium"),
            ),
            rx.el.p(
                run.attempts,
                words.ATTEMPTS,
                words.OF_SOMEBODY,
                run.owner,
                ", ",
                time_ago(at=run.ended_at, mode=SessionState.times),
                class_name="truncate text-xs text-muted",
            ),
            class_name="min-w-0 flex-1",
        ),
        button(
            words.REQUEUE,
            size="sm",
            on_click=SystemState.ask("requeue", run.id),
            aria_label=words.REQUEUE + ": " + run.name,
        ),
        key=run.id,
        class_name="flex items-center gap-3 px-4 py-2.5 text-sm",
    )


def _table(one: Any) -> rx.Component:
    return row(
        cell(one.id, class_name="w-full font-mono text-xs sm:w-auto"),
        cell(_named(words.TABLE_HEADS[1]), one.rows, class_name=_NUMBER),
        cell(
            rx.cond(
                one.size != "",
                rx.fragment(_named(words.TABLE_HEADS[2]), one.size),
                rx.el.span(words.NOTHING, class_name="hidden sm:inline"),
            ),
            class_name=_NUMBER,
        ),
        cell(
            rx.el.div(
                rx.el.div(
                    style={"width": one.percent.to(str) + "%"},
                    class_name="h-full rounded-full bg-accent/60",
                ),
                aria_hidden="true",
                class_name="h-1.5 w-full overflow-hidden rounded-full bg-sunken",
            ),
            class_name="hidden w-40 sm:table-cell",
        ),
        key=one.id,
    )


def _named(text: str) -> rx.Component:
    # On a narrow screen there is no head above the cell.
    return rx.el.span(f"{text} ", class_name="text-xs text-muted sm:hidden")
