"""An agent's runs, and the earlier turns of a conversation."""

from typing import Any

import reflex as rx

from app import routes
from app.components.run import strings as words
from app.components.ui.badge import run_status
from app.components.ui.button import text_link
from app.components.ui.card import SURFACE
from app.components.widgets.clock import elapsed, time_ago
from app.state.agent_run import AgentRunState
from app.state.run_feed import RunFeedState
from app.state.session import SessionState


def history() -> rx.Component:
    """Return the newest runs of the agent, as links."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2(words.HISTORY, class_name="text-base font-semibold"),
            text_link(
                words.ALL_RUNS,
                href=_all_runs(AgentRunState.agent),
                class_name="text-sm",
            ),
            class_name="mb-2 flex items-baseline justify-between",
        ),
        rx.cond(
            AgentRunState.history.length() > 0,
            rx.el.ul(
                rx.foreach(AgentRunState.history, _run),
                aria_label=words.HISTORY,
                class_name=f"{SURFACE} divide-y divide-line overflow-hidden",
            ),
            rx.el.p(
                words.HISTORY_EMPTY,
                class_name="rounded-xl border border-dashed border-line-strong px-4 py-6 text-center text-sm text-muted",
            ),
        ),
        class_name="min-w-0",
    )


def _all_runs(agent: Any) -> Any:
    return routes.RUNS + "?agent=" + agent.id


def turns() -> rx.Component:
    """Return what was asked and answered before in the conversation."""
    return rx.cond(
        AgentRunState.turns.length() > 0,
        rx.el.section(
            rx.el.h2(words.EARLIER, class_name="mb-2 text-xs font-medium text-muted"),
            rx.el.ol(
                rx.foreach(AgentRunState.turns, _turn),
                class_name="flex flex-col gap-2",
            ),
        ),
    )


def _run(line: Any) -> rx.Component:
    # The list is asked for now and then; the run that is shown is known better.
    run: Any = RunFeedState.run
    is_shown = line.id == run.id
    return rx.el.li(
        rx.el.a(
            rx.el.span(line.query, class_name="block truncate text-sm font-medium"),
            rx.el.span(
                run_status(rx.cond(is_shown, run.status, line.status)),
                time_ago(
                    at=line.created_at,
                    mode=SessionState.times,
                    class_name="text-xs text-muted",
                ),
                elapsed(
                    start=rx.cond(is_shown, run.started_at, line.started_at),
                    end=rx.cond(is_shown, run.completed_at, line.completed_at),
                    class_name="ms-auto text-xs text-faint",
                ),
                class_name="mt-1 flex items-center gap-2",
            ),
            href=routes.run_path(line.id),
            aria_current=rx.cond(
                line.id == RunFeedState.current_run_id, "true", "false"
            ),
            class_name="block min-w-0 px-3 py-2 -outline-offset-2 transition-colors duration-100 hover:bg-sunken/60 "
            "aria-[current=true]:bg-accent-soft/60",
        ),
        key=line.id,
    )


def _turn(turn: Any) -> rx.Component:
    return rx.el.li(
        rx.el.details(
            rx.el.summary(
                rx.icon(
                    "chevron_right",
                    size=14,
                    aria_hidden="true",
                    class_name="mt-1 shrink-0 text-faint transition-transform group-open:rotate-90",
                ),
                rx.el.span(
                    rx.el.span(turn.query, class_name="block font-medium break-words"),
                    rx.el.span(
                        turn.answer,
                        class_name="line-clamp-1 text-sm text-muted group-open:hidden",
                    ),
                    class_name="min-w-0 flex-1",
                ),
                run_status(turn.status),
                class_name="flex list-none items-start gap-2 px-3 py-2.5",
            ),
            rx.el.div(
                rx.el.p(
                    turn.answer, class_name="text-sm break-words whitespace-pre-wrap"
                ),
                text_link(
                    words.OPEN_RUN,
                    href=routes.run_path(turn.id),
                    class_name="mt-2 inline-block text-sm",
                ),
                class_name="px-3 pb-3 ps-8",
            ),
            class_name=f"group {SURFACE}",
        ),
        key=turn.id,
    )
