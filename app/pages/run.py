"""The page of one run: its answer, its facts and its whole log."""

from typing import Any

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.run.answer_card import answer_card, answer_skeleton
from app.components.run.citation import passage_panel
from app.components.run.run_tags import run_tags
from app.components.run.run_tree import run_tree
from app.components.run.state_panel import state_panel
from app.components.ui.button import button, text_link
from app.components.ui.card import SURFACE
from app.components.ui.missing import missing
from app.components.widgets.clock import elapsed, pulse, time_ago
from app.components.widgets.event_log import event_log
from app.pages import _run_strings as words
from app.pages._page import page
from app.state.lines import WAITS_FOR_RUN
from app.state.passage import PassageState
from app.state.run_feed import RunFeedState
from app.state.run_page import RunPageState
from app.state.run_steps import RunStepsState
from app.state.session import SessionState

_PULSE_SECONDS = 1.0


@page(
    routes.RUN,
    words.RUN,
    permission=Permission.VIEW_RUN,
    on_load=[RunPageState.load],
    on_leave=[RunFeedState.leave, PassageState.close, RunStepsState.leave],
)
def run() -> rx.Component:
    return shell(
        rx.cond(RunPageState.is_missing, _missing(), _run()),
        here=routes.RUNS,
        width="wide",
    )


def _run() -> rx.Component:
    has_run = RunFeedState.current_run_id != ""
    return rx.fragment(
        page_head(
            rx.cond(has_run, RunFeedState.run.agent_name, words.LOADING),
            crumbs=[
                (words.RUNS, routes.RUNS),
                (
                    RunPageState.parent_name,
                    routes.run_path(RunFeedState.run.parent_id),
                ),
            ],
            actions=rx.cond(has_run, _actions()),
        ),
        rx.el.div(
            rx.el.div(
                rx.cond(has_run, answer_card(has_link=False), answer_skeleton()),
                rx.cond(RunPageState.tree.length() > 0, run_tree(RunPageState.tree)),
                rx.el.section(
                    rx.el.h2(words.LOG, class_name="sr-only"),
                    event_log(
                        state_panel(),
                        run_id=RunFeedState.current_run_id,
                        height="min(44rem, 80dvh)",
                        has_tabs=True,
                        reader=SessionState.email,
                        on_connection=RunFeedState.note_connection,
                    ),
                ),
                class_name="flex min-w-0 flex-col gap-4",
            ),
            rx.el.aside(
                rx.cond(has_run, rx.fragment(_facts(), run_tags())),
                class_name="flex min-w-0 flex-col gap-5",
            ),
            class_name="grid gap-6 lg:grid-cols-[minmax(0,1fr)_17rem]",
        ),
        pulse(
            seconds=rx.cond(
                RunPageState.is_growing
                | (RunFeedState.execution_status == WAITS_FOR_RUN),
                _PULSE_SECONDS,
                0.0,
            ),
            on_pulse=RunPageState.refresh,
        ),
        passage_panel(),
    )


def _actions() -> rx.Component:
    return rx.fragment(
        rx.cond(
            RunFeedState.can_resume,
            button(
                words.RESUME,
                icon="step_forward",
                on_click=RunFeedState.resume,
                disabled=RunFeedState.agent_id == "",
            ),
        ),
        rx.cond(
            RunFeedState.is_active,
            rx.fragment(),
            button(
                words.RETRY,
                icon="rotate_cw",
                on_click=RunFeedState.retry,
                disabled=RunFeedState.agent_id == "",
            ),
        ),
        rx.cond(
            RunFeedState.agent_id != "",
            button(
                words.OPEN_AGENT,
                icon="message_circle",
                href=routes.agent_path(RunFeedState.agent_id)
                + "?run="
                + RunFeedState.current_run_id,
            ),
        ),
    )


def _facts() -> rx.Component:
    run: Any = RunFeedState.run
    facts = words.FACTS
    return rx.el.section(
        rx.el.h2(words.DETAILS, class_name="mb-2 text-base font-semibold"),
        rx.el.dl(
            _fact(facts["model"], rx.cond(run.model != "", run.model, words.QUOTES)),
            _fact(facts["trigger"], run.trigger),
            _fact(
                facts["created"], time_ago(at=run.created_at, mode=SessionState.times)
            ),
            rx.cond(
                run.started_at != "",
                _fact(
                    facts["took"], elapsed(start=run.started_at, end=run.completed_at)
                ),
            ),
            rx.cond(
                run.tokens_out > 0,
                _fact(facts["tokens"], run.tokens_in, ", ", run.tokens_out),
            ),
            rx.cond(run.cost != "", _fact(facts["cost"], run.cost)),
            rx.cond(run.context != "", _fact(facts["context"], run.context)),
            rx.cond(run.attempt > 1, _fact(facts["attempt"], run.attempt)),
            rx.cond(
                run.origin_id != "",
                _fact(
                    rx.cond(run.origin_step >= 0, facts["fork"], facts["origin"]),
                    text_link(words.ANOTHER_RUN, href=routes.run_path(run.origin_id)),
                    rx.cond(
                        run.origin_step >= 0, f", after step {run.origin_step}", ""
                    ),
                ),
            ),
            rx.cond(
                run.parent_id != "",
                _fact(
                    facts["parent"],
                    text_link(words.PARENT_RUN, href=routes.run_path(run.parent_id)),
                ),
            ),
            _fact(facts["id"], _id(run.id)),
            _fact(facts["correlation"], _id(run.correlation_id)),
            class_name=f"{SURFACE} divide-y divide-line text-sm",
        ),
    )


def _fact(name: Any, *value: Any) -> rx.Component:
    return rx.el.div(
        rx.el.dt(name, class_name="shrink-0 text-muted"),
        rx.el.dd(*value, class_name="min-w-0 text-end break-words tabular-nums"),
        class_name="flex items-baseline justify-between gap-4 px-3 py-2",
    )


def _id(value: Any) -> rx.Component:
    return rx.el.code(value, class_name="font-mono text-xs break-all select-all")


def _missing() -> rx.Component:
    return missing(
        words.RUN,
        icon="activity",
        title=words.MISSING_RUN,
        text=words.MISSING_RUN_TEXT,
        back=words.TO_RUNS,
        href=routes.RUNS,
    )
