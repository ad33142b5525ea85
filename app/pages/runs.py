"""The list of runs."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.run.run_bulk import bulk_bar, bulk_question, tags_form
from app.components.run.run_table import run_table
from app.components.ui.button import button
from app.components.ui.empty import empty
from app.components.ui.form import CONTROL, search_field
from app.components.ui.skeleton import skeleton_rows
from app.components.widgets.clock import pulse
from app.components.widgets.page import address
from app.pages import _run_strings as words
from app.pages._page import page
from app.state.run_bulk import RunBulkState
from app.state.run_list import DAYS, RunListState, RunWish

_SECONDS = 2.0
_TYPING_MILLISECONDS = 250
_CONTROL = f"{CONTROL} h-9 sm:w-auto"


@page(
    routes.RUNS,
    words.RUNS,
    permission=Permission.VIEW_RUN,
    on_load=[RunListState.load],
    on_leave=[RunBulkState.leave],
)
def runs() -> rx.Component:
    return shell(
        page_head(words.RUNS, description=words.RUNS_ABOUT),
        rx.el.div(
            _filters(),
            rx.cond(
                RunListState.is_loading,
                skeleton_rows(6),
                rx.cond(RunListState.rows.length() > 0, _rows(), _nothing()),
            ),
            class_name="flex flex-col gap-4",
        ),
        address({name: _wished(name) for name in RunWish.model_fields}),
        bulk_question(),
        tags_form(),
        pulse(seconds=_SECONDS, on_pulse=RunListState.refresh),
        here=routes.RUNS,
    )


def _wished(name: str) -> Any:
    return getattr(RunListState.wish, name)


def _filters() -> rx.Component:
    return rx.el.div(
        search_field(
            words.SEARCH_RUNS,
            default_value=RunListState.wish.q,
            key="q" + RunListState.wish_key.to(str),
            on_change=lambda text: RunListState.want("q", text).debounce(
                _TYPING_MILLISECONDS
            ),
        ),
        rx.el.div(
            _choice("status", words.STATUS, words.ALL_STATUSES, words.STATUSES),
            _agent(),
            _choice("trigger", words.STARTED_BY, words.ANY_TRIGGER, words.TRIGGERS),
            _choice("when", words.WHEN, words.ANY_TIME, words.STRETCHES),
            rx.cond(
                RunListState.wish.when == DAYS,
                rx.fragment(_day("since", words.SINCE), _day("until", words.UNTIL)),
            ),
            rx.el.input(
                type="search",
                placeholder=words.TAG,
                aria_label=words.TAG,
                default_value=RunListState.wish.tag,
                key="tag" + RunListState.wish_key.to(str),
                on_change=lambda text: RunListState.want("tag", text).debounce(
                    _TYPING_MILLISECONDS
                ),
                class_name=f"{_CONTROL} sm:max-w-32",
            ),
            rx.cond(
                RunListState.is_filtered,
                button(
                    words.CLEAR, variant="ghost", icon="x", on_click=RunListState.clear
                ),
            ),
            class_name="grid grid-cols-2 gap-2 sm:flex sm:flex-wrap sm:items-center",
        ),
        class_name="flex flex-col gap-2",
    )


def _choice(
    name: str, label: str, every: str, choices: Sequence[tuple[str, str]]
) -> rx.Component:
    return _select(
        name,
        label,
        every,
        *[rx.el.option(text, value=value) for value, text in choices],
    )


def _agent() -> rx.Component:
    return _select(
        "agent",
        words.AGENT_LABEL,
        words.ALL_AGENTS,
        rx.foreach(
            RunListState.choices,
            lambda choice: rx.el.option(
                choice.text, value=choice.value, key=choice.value
            ),
        ),
    )


def _select(name: str, label: str, every: str, *options: rx.Component) -> rx.Component:
    return rx.el.select(
        rx.el.option(every, value=""),
        *options,
        value=_wished(name),
        on_change=lambda value: RunListState.want(name, value),
        aria_label=label,
        class_name=f"{_CONTROL} min-w-0 pe-8 sm:max-w-52",
    )


def _day(name: str, label: str) -> rx.Component:
    return rx.el.input(
        type="date",
        value=_wished(name),
        on_change=lambda value: RunListState.want(name, value),
        aria_label=label,
        title=label,
        class_name=_CONTROL,
    )


def _rows() -> rx.Component:
    return rx.fragment(
        bulk_bar(),
        run_table(),
        rx.cond(
            RunListState.has_more,
            rx.el.div(
                button(words.MORE, on_click=RunListState.load_more),
                class_name="flex justify-center",
            ),
        ),
    )


def _nothing() -> rx.Component:
    return rx.cond(
        RunListState.is_filtered,
        empty(
            "search_x",
            words.NO_MATCH,
            words.NO_MATCH_TEXT,
            button(words.CLEAR, on_click=RunListState.clear),
        ),
        empty(
            "activity",
            words.NO_RUNS,
            words.NO_RUNS_TEXT,
            button(words.TO_AGENTS, href=routes.AGENTS, variant="primary"),
        ),
    )
