"""The tab State: the steps of a run, the values after one of them, and a fork from there."""

from typing import Any

import reflex as rx

from app.components.run import strings as words
from app.components.ui.badge import badge
from app.components.ui.button import button, icon_button
from app.components.ui.dialog import dialog, dialog_actions
from app.components.ui.empty import empty
from app.components.ui.form import area_field
from app.components.ui.skeleton import skeleton_rows
from app.components.widgets.clock import time_ago
from app.components.widgets.page import address
from app.state.run_feed import RunFeedState
from app.state.run_steps import RunStepsState
from app.state.session import SessionState


def state_panel() -> rx.Component:
    """Return the panel; it looks again when the run's status changes."""
    run: Any = RunFeedState.run
    return rx.el.div(
        rx.cond(
            RunStepsState.is_loaded,
            rx.cond(
                RunStepsState.steps.length() > 0,
                _panel(),
                empty("layers", words.NO_STEPS, words.NO_STEPS_TEXT),
            ),
            skeleton_rows(3),
        ),
        fork_dialog(),
        key=run.status,
        on_mount=RunStepsState.load,
    )


def fork_dialog() -> rx.Component:
    """Return the question before a fork; it says what is done again."""
    line: Any = RunStepsState.forked
    return dialog(
        words.FORK_TITLE,
        rx.el.p(
            words.FORK_AFTER,
            rx.el.b(line.step, " ", line.name),
            words.FORK_NEXT,
            rx.el.b(line.next),
            words.FORK_AGAIN,
            class_name="text-sm text-muted",
        ),
        rx.el.div(
            rx.icon(
                "triangle_alert",
                size=16,
                aria_hidden="true",
                class_name="mt-0.5 shrink-0",
            ),
            rx.el.span(words.FORK_WARNING),
            class_name="flex gap-2 rounded-lg bg-warn-soft px-3 py-2 text-sm text-warn",
        ),
        rx.el.form(
            area_field(
                "query",
                words.QUESTION,
                default_value=RunStepsState.query,
                key=RunStepsState.query,
                error=RunStepsState.errors["query"],
                rows="3",
            ),
            rx.cond(
                RunStepsState.may_instruct,
                area_field(
                    "instructions",
                    words.FORK_INSTRUCTIONS,
                    hint=words.FORK_INSTRUCTIONS_HINT,
                    error=RunStepsState.errors["instructions"],
                    rows="3",
                ),
            ),
            dialog_actions(
                button(words.CANCEL, on_click=RunStepsState.keep),
                button(words.FORK, type="submit", variant="primary"),
            ),
            on_submit=RunStepsState.fork,
            no_validate=True,
            class_name="flex flex-col gap-4",
        ),
        is_open=RunStepsState.forked.bool(),
        on_close=RunStepsState.keep,
        width="34rem",
    )


def _panel() -> rx.Component:
    return rx.el.div(
        address(RunStepsState.place),
        rx.el.div(
            rx.el.div(
                rx.el.h3(words.STEPS, class_name="text-sm font-semibold"),
                icon_button(
                    "refresh_cw", words.STEPS_AGAIN, on_click=RunStepsState.load
                ),
                class_name="flex items-center justify-between",
            ),
            rx.el.ol(
                rx.foreach(RunStepsState.steps, _step),
                aria_label=words.STEPS,
                class_name="flex flex-col gap-0.5",
            ),
            class_name="min-w-0 sm:w-56 sm:shrink-0",
        ),
        rx.el.section(_values(), aria_live="polite", class_name="min-w-0 flex-1"),
        class_name="flex flex-col gap-5 sm:flex-row",
    )


def _step(line: Any) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            rx.el.span(
                line.step,
                class_name="w-6 shrink-0 text-end text-xs text-faint tabular-nums",
            ),
            rx.el.span(line.name, class_name="min-w-0 flex-1 truncate text-start"),
            time_ago(
                at=line.at,
                mode=SessionState.times,
                class_name="shrink-0 text-xs text-faint",
            ),
            type="button",
            aria_current=rx.cond(line.step == RunStepsState.open_step, "step", "false"),
            on_click=RunStepsState.open(line.step),
            class_name="flex h-9 w-full items-center gap-2 rounded-lg px-2 text-sm transition-colors duration-100 hover:bg-sunken "
            "aria-[current=step]:bg-accent-soft aria-[current=step]:text-accent",
        ),
        key=line.step,
    )


def _values() -> rx.Component:
    return rx.fragment(
        rx.el.div(
            rx.el.h3(
                words.STATE_AFTER,
                RunStepsState.open_step,
                class_name="text-sm font-semibold",
            ),
            rx.foreach(RunStepsState.steps, _fork_button),
            class_name="mb-2 flex min-h-8 flex-wrap items-center justify-between gap-2",
        ),
        rx.cond(
            RunStepsState.problem != "",
            rx.el.p(RunStepsState.problem, role="alert", class_name="text-sm text-bad"),
        ),
        rx.el.dl(
            rx.foreach(RunStepsState.values, _value),
            class_name="divide-y divide-line rounded-lg border border-line text-sm empty:hidden",
        ),
        rx.cond(
            RunStepsState.removed.length() > 0,
            rx.el.p(
                words.REMOVED,
                rx.el.code(RunStepsState.removed.join(", "), class_name="break-words"),
                class_name="mt-2 text-sm text-muted",
            ),
        ),
    )


def _fork_button(line: Any) -> rx.Component:
    return rx.cond(
        (line.step == RunStepsState.open_step) & line.can_fork,
        button(
            words.FORK_HERE,
            icon="git_fork",
            size="sm",
            on_click=RunStepsState.ask_fork(line.step),
            disabled=RunFeedState.agent_id == "",
        ),
    )


def _value(line: Any) -> rx.Component:
    return rx.el.div(
        rx.el.dt(
            line.name,
            class_name="w-28 shrink-0 font-mono text-xs leading-5 break-words text-muted sm:w-40",
            style={"paddingInlineStart": line.indent},
        ),
        rx.el.dd(
            rx.el.div(
                line.text,
                class_name="max-h-40 min-w-0 flex-1 overflow-auto break-words whitespace-pre-wrap",
                tab_index=rx.cond(line.text.length() > 200, 0, -1),
            ),
            rx.match(
                line.mark,
                ("added", badge(words.ADDED, tone="ok")),
                ("changed", badge(words.CHANGED, tone="warn")),
                rx.fragment(),
            ),
            class_name="flex min-w-0 flex-1 items-start gap-3",
        ),
        key=line.path,
        class_name="flex items-start gap-3 px-3 py-1.5",
    )
