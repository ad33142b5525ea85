"""What the installation is at a glance, its workers, and the jobs that they do."""

from typing import Any

import reflex as rx

from app import routes
from app.components.system import strings as words
from app.components.ui.button import button, text_link
from app.components.ui.card import SURFACE, section
from app.components.ui.empty import empty
from app.components.widgets.clock import elapsed, time_ago
from app.state.session import SessionState
from app.state.system import SystemState


def glance() -> rx.Component:
    """Return the figures at the head of the page."""
    return rx.el.section(
        rx.el.h2(words.AT_A_GLANCE, class_name="sr-only"),
        rx.el.dl(
            rx.foreach(SystemState.facts, _fact),
            class_name=f"{SURFACE} grid grid-cols-2 gap-x-4 gap-y-3 px-4 py-3 lg:grid-cols-4",
        ),
    )


def workers() -> rx.Component:
    """Return the workers, and under them what they do."""
    return section(
        words.WORKERS,
        rx.cond(
            SystemState.workers.length() > 0,
            rx.el.div(
                rx.el.ul(
                    rx.foreach(SystemState.workers, _worker),
                    aria_label=words.WORKERS,
                    class_name="flex flex-wrap gap-x-6 gap-y-1 border-b border-line px-4 py-2.5 text-sm",
                ),
                rx.cond(
                    SystemState.jobs.length() > 0,
                    rx.el.ul(
                        rx.foreach(SystemState.jobs, _job),
                        aria_label=words.JOBS,
                        class_name="divide-y divide-line",
                    ),
                    rx.el.p(words.IDLE, class_name="px-4 py-3 text-sm text-muted"),
                ),
                class_name=f"{SURFACE} overflow-hidden",
            ),
            empty("cpu", words.NO_WORKERS, words.NO_WORKERS_TEXT),
        ),
        description=words.WORKERS_ABOUT,
    )


def _fact(fact: Any) -> rx.Component:
    return rx.el.div(
        rx.el.dt(fact.label, class_name="text-xs text-muted"),
        rx.el.dd(
            rx.cond(
                fact.is_bad,
                rx.icon(
                    "circle_alert",
                    size=14,
                    aria_hidden="true",
                    class_name="me-1 inline shrink-0 align-[-2px]",
                ),
            ),
            fact.value,
            rx.cond(
                fact.since != "",
                rx.el.span(
                    words.SINCE,
                    time_ago(at=fact.since, mode=SessionState.times),
                    class_name="block text-xs font-normal text-muted",
                ),
            ),
            class_name=rx.cond(
                fact.is_bad,
                "text-sm font-medium break-words text-bad",
                "text-sm font-medium break-words",
            ),
        ),
        key=fact.label,
        class_name="min-w-0",
    )


def _worker(worker: Any) -> rx.Component:
    return rx.el.li(
        rx.icon(
            "cpu",
            size=14,
            aria_hidden="true",
            class_name=rx.cond(worker.busy > 0, "text-accent", "text-faint"),
        ),
        rx.el.span(worker.id, class_name="font-mono text-xs font-medium"),
        rx.el.span(worker.words, class_name="text-muted"),
        key=worker.id,
        class_name="flex items-center gap-2",
    )


def _job(job: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.cond(
                job.is_own,
                text_link(
                    job.name, href=routes.run_path(job.run_id), class_name="font-medium"
                ),
                rx.el.span(job.name, class_name="font-medium"),
            ),
            rx.el.p(
                job.worker,
                rx.cond(
                    job.owner != "",
                    rx.fragment(", ", words.OF_SOMEBODY, job.owner),
                ),
                class_name="truncate text-xs text-muted",
            ),
            class_name="min-w-0 flex-1",
        ),
        rx.cond(
            job.since != "",
            elapsed(
                start=job.since,
                end="",
                class_name="w-16 shrink-0 text-end text-xs text-muted tabular-nums",
            ),
        ),
        rx.cond(
            job.run_id != "",
            button(
                words.STOP,
                size="sm",
                variant="danger",
                on_click=SystemState.ask("stop", job.run_id),
                aria_label=words.STOP + ": " + job.name,
            ),
        ),
        key=job.id,
        class_name="flex items-center gap-3 px-4 py-2.5 text-sm",
    )
