"""What a run was asked and what it answers, while it does and afterwards."""

from typing import Any

import reflex as rx

from app import routes
from app.components.run import strings as words
from app.components.run.citation import source_list
from app.components.run.composer import stop_button
from app.components.run.question_card import question_card
from app.components.ui.badge import run_status
from app.components.ui.button import button, icon_button
from app.components.ui.card import SURFACE
from app.components.ui.skeleton import skeleton
from app.components.widgets.clock import pulse
from app.components.widgets.event_log import answer
from app.state.lines import TIMED_OUT
from app.state.passage import PassageState
from app.state.run_below import RunBelowState
from app.state.run_feed import RunFeedState

_PULSE_SECONDS = 1.0


def answer_card(*, has_link: bool = True) -> rx.Component:
    """Return the card of the run in the store; with a link to its page it also has the buttons that are there."""
    return rx.el.article(
        rx.el.div(
            rx.el.p(
                RunFeedState.run.query,
                class_name="line-clamp-4 min-w-0 flex-1 basis-40 font-medium break-words whitespace-pre-wrap",
            ),
            rx.el.div(
                run_status(RunFeedState.execution_status),
                rx.cond(RunFeedState.is_active, stop_button()),
                icon_button(
                    "maximize_2",
                    words.OPEN_RUN,
                    href=routes.run_path(RunFeedState.current_run_id),
                )
                if has_link
                else None,
                class_name="flex shrink-0 items-center gap-1.5",
            ),
            class_name="sticky top-12 z-10 flex flex-wrap items-start justify-between gap-x-4 gap-y-2 rounded-t-xl bg-surface px-4 pt-4 pb-1 "
            "sm:px-5 md:top-0",
        ),
        rx.cond(RunFeedState.run.extra != "", _extra()),
        rx.el.div(
            RunFeedState.doing, role="status", aria_live="polite", class_name="sr-only"
        ),
        rx.el.div(
            _body(has_actions=has_link), class_name="px-4 pt-2 pb-4 sm:px-5 sm:pb-5"
        ),
        aria_label=words.ANSWER,
        aria_busy=rx.cond(RunFeedState.is_active, "true", "false"),
        class_name=SURFACE,
    )


def _body(*, has_actions: bool) -> rx.Component:
    return rx.el.div(
        rx.cond(
            RunFeedState.is_unanswered,
            _nothing(),
            rx.fragment(
                answer(
                    run_id=RunFeedState.current_run_id,
                    output=RunFeedState.output,
                    on_cite=PassageState.open,
                ),
                rx.cond(
                    RunFeedState.is_busy,
                    _busy(),
                ),
                _sources(),
            ),
        ),
        rx.cond(RunFeedState.caveat != "", _caveat()),
        rx.match(
            RunFeedState.execution_status,
            ("waiting", question_card()),
            ("waiting_for_run", _below()),
            ("failed", _problem(words.FAILED, has_actions=has_actions)),
            (*TIMED_OUT, _problem(words.TIMED_OUT, has_actions=has_actions)),
            (
                "stopped",
                rx.el.p(
                    rx.cond(
                        RunFeedState.run.note != "",
                        RunFeedState.run.note,
                        words.STOPPED_NOTE,
                    ),
                    class_name="text-sm text-muted",
                ),
            ),
            rx.fragment(),
        ),
        class_name="flex flex-col gap-4",
    )


def _busy() -> rx.Component:
    """Return what stands below the growing answer: what the agent does now."""
    return rx.el.p(
        rx.icon(
            "loader_circle",
            size=14,
            aria_hidden="true",
            class_name="animate-spin text-accent",
        ),
        rx.match(
            RunFeedState.execution_status,
            (
                "queued",
                rx.cond(
                    RunFeedState.run.note != "", RunFeedState.run.note, words.WAITING
                ),
            ),
            ("waiting_for_run", words.WAITS_FOR_RUN),
            rx.cond(RunFeedState.doing != "", RunFeedState.doing, words.WORKING),
        ),
        class_name="flex items-center gap-2 text-sm text-muted",
    )


def _below() -> rx.Component:
    """Return the questions of the runs that this one waits for."""
    return rx.fragment(
        rx.cond(
            RunBelowState.run_id == RunFeedState.current_run_id,
            rx.foreach(RunBelowState.asking, _asking),
        ),
        pulse(
            seconds=_PULSE_SECONDS,
            on_pulse=RunBelowState.refresh(RunFeedState.current_run_id),
        ),
    )


def _asking(line: Any) -> rx.Component:
    return rx.el.div(
        rx.icon("hand", size=16, aria_hidden="true", class_name="shrink-0 text-warn"),
        rx.el.p(
            line.agent_name,
            words.NEEDS_ANSWER,
            class_name="min-w-0 flex-1 break-words",
        ),
        button(words.TO_QUESTION, size="sm", href=line.path),
        role="status",
        key=line.path,
        class_name="flex items-center gap-2.5 rounded-lg border border-warn bg-warn-soft/40 px-3.5 py-2 text-sm",
    )


def _sources() -> rx.Component:
    return rx.cond(
        RunFeedState.citations.length() > 0,
        source_list(RunFeedState.citations, words.SOURCES),
    )


def _caveat() -> rx.Component:
    return rx.el.p(
        rx.icon("hourglass", size=14, aria_hidden="true", class_name="mt-0.5 shrink-0"),
        RunFeedState.caveat,
        class_name="flex items-start gap-2 text-sm text-warn",
    )


def _nothing() -> rx.Component:
    return rx.el.div(
        rx.el.p(
            rx.icon(
                "search_x",
                size=18,
                aria_hidden="true",
                class_name="shrink-0 text-warn",
            ),
            words.NOTHING,
            class_name="flex items-center gap-2 text-base font-semibold",
        ),
        rx.cond(
            RunFeedState.nearest.length() > 0,
            source_list(RunFeedState.nearest, words.NOTHING_TEXT),
            rx.el.p(words.NOTHING_NEAR, class_name="text-sm text-muted"),
        ),
        class_name="flex flex-col gap-3",
    )


def _problem(title: str, *, has_actions: bool) -> rx.Component:
    return rx.el.div(
        rx.icon(
            "circle_x",
            size=16,
            aria_hidden="true",
            class_name="mt-0.5 shrink-0",
        ),
        rx.el.div(
            rx.el.p(title, class_name="font-medium"),
            rx.el.p(RunFeedState.run.error, class_name="break-words"),
            class_name="min-w-0 flex-1 basis-52",
        ),
        rx.el.div(
            button(
                words.RESUME,
                icon="step_forward",
                size="sm",
                on_click=RunFeedState.resume,
            ),
            button(
                words.RETRY, icon="rotate_cw", size="sm", on_click=RunFeedState.retry
            ),
            class_name="flex gap-2",
        )
        if has_actions
        else None,
        role="alert",
        class_name="flex flex-wrap items-start gap-2.5 rounded-lg bg-bad-soft px-3.5 py-3 text-sm text-bad",
    )


def _extra() -> rx.Component:
    return rx.el.details(
        rx.el.summary(
            words.INPUT_EXTRA, class_name="w-fit text-xs text-muted hover:text-ink"
        ),
        rx.el.pre(
            RunFeedState.run.extra,
            class_name="mt-1 overflow-x-auto rounded-lg bg-sunken p-2.5 font-mono text-xs",
        ),
        class_name="px-4 pt-1 sm:px-5",
    )


def answer_skeleton() -> rx.Component:
    """Return the shape of the card while the run is looked up."""
    return rx.el.div(
        skeleton("h-5 w-2/3"),
        skeleton("mt-4 h-4 w-full"),
        skeleton("mt-2 h-4 w-5/6"),
        class_name=f"{SURFACE} p-5",
        aria_hidden="true",
    )
