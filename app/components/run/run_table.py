"""The table of runs: each can be picked, opened, tagged, and has its own menu."""

from typing import Any

import reflex as rx

from app import routes
from app.components.run import list_strings as words
from app.components.ui.badge import run_status
from app.components.ui.menu import menu, menu_item
from app.components.ui.table import cell, row, table
from app.components.widgets.clock import elapsed, time_ago
from app.state.lines import TIMED_OUT
from app.state.run_bulk import RunBulkState
from app.state.run_list import RunListState
from app.state.session import SessionState

_HEADS = (
    words.PICK,
    words.STATUS,
    words.QUESTION,
    words.TOOK,
    words.COST,
    words.ASKED,
    "",
)
_RESUMABLE = ("failed", "stopped", *TIMED_OUT)
_ENDED = ("completed", *_RESUMABLE)


def run_table() -> rx.Component:
    """Return the table; on a narrow screen each run is a card."""
    return table(words.RUNS, _HEADS, rx.foreach(RunListState.rows, _row))


def _row(line: Any) -> rx.Component:
    return row(
        cell(
            rx.el.label(
                rx.el.input(
                    type="checkbox",
                    checked=RunListState.picked.contains(line.id),
                    on_change=lambda is_on: RunListState.pick(line.id, is_on.to(bool)),
                    aria_label=words.PICK_RUN + line.query,
                    class_name="size-4 accent-accent",
                ),
                class_name="-m-2 flex cursor-pointer p-2",
            ),
            class_name="sm:w-10 sm:pe-0",
        ),
        cell(run_status(line.status), class_name="sm:w-32 whitespace-nowrap"),
        cell(
            rx.el.a(
                rx.el.span(line.query, class_name="block truncate font-medium"),
                rx.el.span(
                    line.agent_name,
                    rx.cond(line.trigger == "run", words.ASKED_BY_RUN, ""),
                    rx.cond(
                        line.cost,
                        rx.el.span(" · ", line.cost, class_name="sm:hidden"),
                    ),
                    class_name="block truncate text-xs text-muted tabular-nums",
                ),
                rx.cond(
                    line.error,
                    rx.el.span(
                        line.error, class_name="block truncate text-xs text-bad"
                    ),
                ),
                href=routes.run_path(line.id),
                class_name="block min-w-0 rounded group-hover:text-accent",
            ),
            _tags(line.tags),
            class_name="order-last w-full min-w-0 sm:order-none sm:w-full sm:max-w-0",
        ),
        cell(
            elapsed(
                start=line.started_at,
                end=line.completed_at,
                class_name="text-xs text-muted tabular-nums",
            ),
            class_name="hidden whitespace-nowrap sm:table-cell",
        ),
        cell(
            line.cost,
            title=words.COST,
            class_name="hidden text-xs whitespace-nowrap text-muted tabular-nums sm:table-cell",
        ),
        cell(
            time_ago(
                at=line.created_at,
                mode=SessionState.times,
                class_name="text-xs text-muted",
            ),
            class_name="ms-auto whitespace-nowrap",
        ),
        cell(_menu(line), class_name="text-end sm:w-12 sm:ps-0"),
        key=line.id,
    )


def _tags(tags: Any) -> rx.Component:
    return rx.cond(
        tags.length() > 0,
        rx.el.div(
            rx.foreach(
                tags.to(list[str]),
                lambda tag: rx.el.button(
                    rx.icon("tag", size=11, aria_hidden="true"),
                    tag,
                    type="button",
                    title=words.ONLY_TAG,
                    on_click=RunListState.only_tag(tag),
                    key=tag,
                    class_name="inline-flex h-6 max-w-full items-center gap-1 truncate rounded-full bg-sunken px-2 text-xs text-muted hover:text-ink",
                ),
            ),
            class_name="mt-1 flex flex-wrap gap-1",
        ),
    )


def _menu(line: Any) -> rx.Component:
    menu_id = "run-" + line.id
    return menu(
        menu_id,
        _unless_ended(line.status, _action(menu_id, line, "stop")),
        _if_ended(line.status, _ENDED, _action(menu_id, line, "retry")),
        _if_ended(line.status, _RESUMABLE, _action(menu_id, line, "requeue")),
        menu_item(
            menu_id, "tags", words.TAGS_EDIT, on_click=RunBulkState.open_tags(line.id)
        ),
        _if_ended(line.status, _ENDED, _action(menu_id, line, "delete")),
        label=words.ACTIONS_FOR + line.query,
    )


def _action(menu_id: Any, line: Any, action: str) -> rx.Component:
    return menu_item(
        menu_id,
        words.ICONS[action],
        words.ACTIONS[action],
        is_dangerous=action == "delete",
        on_click=RunBulkState.ask(action, [line.id]),
    )


def _if_ended(status: Any, ends: tuple[str, ...], item: rx.Component) -> Any:
    return rx.match(status, *[(end, item) for end in ends], rx.fragment())


def _unless_ended(status: Any, item: rx.Component) -> Any:
    return rx.match(status, *[(end, rx.fragment()) for end in _ENDED], item)
