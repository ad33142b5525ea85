"""The list of runs."""

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.run.run_lines import run_lines
from app.components.ui.button import button
from app.components.ui.empty import empty
from app.components.ui.form import CONTROL
from app.components.ui.skeleton import skeleton_rows
from app.components.widgets.clock import pulse
from app.pages import _run_strings as words
from app.pages._page import page
from app.state.run_list import RunListState
from app.state.session import SessionState

_SECONDS = 2.0


@page(
    routes.RUNS, words.RUNS, permission=Permission.VIEW_RUN, on_load=[RunListState.load]
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
        pulse(seconds=_SECONDS, on_pulse=RunListState.refresh),
        here=routes.RUNS,
    )


def _filters() -> rx.Component:
    return rx.el.div(
        rx.el.select(
            rx.el.option(words.ALL_STATUSES, value=""),
            *[rx.el.option(text, value=value) for value, text in words.STATUSES],
            value=RunListState.status,
            on_change=RunListState.filter_status,
            aria_label=words.STATUS,
            class_name=f"{CONTROL} h-9 max-w-44 pe-8",
        ),
        rx.el.select(
            rx.el.option(words.ALL_AGENTS, value=""),
            rx.foreach(
                RunListState.choices,
                lambda choice: rx.el.option(
                    choice.text, value=choice.value, key=choice.value
                ),
            ),
            value=RunListState.agent_id,
            on_change=RunListState.filter_agent,
            aria_label=words.AGENT_LABEL,
            class_name=f"{CONTROL} h-9 max-w-64 pe-8",
        ),
        rx.cond(
            RunListState.is_filtered,
            button(words.CLEAR, variant="ghost", icon="x", href=routes.RUNS),
        ),
        class_name="flex flex-wrap items-center gap-2",
    )


def _rows() -> rx.Component:
    return rx.fragment(
        run_lines(RunListState.rows, times=SessionState.times, label=words.RUNS),
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
            button(words.CLEAR, href=routes.RUNS),
        ),
        empty(
            "activity",
            words.NO_RUNS,
            words.NO_RUNS_TEXT,
            button(words.TO_AGENTS, href=routes.AGENTS, variant="primary"),
        ),
    )
