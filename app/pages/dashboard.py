"""The home page: health, agents, runs now and recent, live."""

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.components.agent.agent_card import agent_card
from app.components.health import health_strip
from app.components.layout.allowed import allowed
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.run.run_lines import run_lines
from app.components.ui.button import button, text_link
from app.components.ui.card import section
from app.components.ui.empty import empty
from app.components.ui.skeleton import skeleton, skeleton_rows
from app.components.widgets.clock import pulse
from app.pages import _dashboard_strings as words
from app.pages._page import page
from app.state.dashboard import DashboardState
from app.state.health import HealthState
from app.state.session import SessionState

_BUSY_SECONDS = 1.5
_IDLE_SECONDS = 5.0


@page(
    routes.DASHBOARD,
    words.TITLE,
    permission=Permission.VIEW_RUN,
    on_load=[HealthState.load, DashboardState.load],
)
def dashboard() -> rx.Component:
    return shell(
        page_head(words.TITLE, description=words.ABOUT),
        rx.el.div(
            health_strip(),
            _agents(),
            rx.el.div(_running(), _recent(), class_name="grid gap-8 *:min-w-0"),
            rx.cond(DashboardState.has_small_model, _model_note()),
            class_name="flex flex-col gap-8",
        ),
        pulse(
            seconds=rx.cond(
                DashboardState.active.length() > 0, _BUSY_SECONDS, _IDLE_SECONDS
            ),
            on_pulse=DashboardState.refresh,
        ),
        here=routes.DASHBOARD,
    )


def _agents() -> rx.Component:
    return section(
        words.AGENTS,
        rx.cond(
            DashboardState.is_loading,
            rx.el.div(
                *[skeleton("h-48 rounded-xl") for _ in range(3)],
                class_name="grid gap-3 sm:grid-cols-2 lg:grid-cols-3",
            ),
            rx.cond(
                DashboardState.agents.length() > 0,
                rx.el.ul(
                    rx.foreach(
                        DashboardState.agents,
                        lambda agent: agent_card(agent, on_ask=DashboardState.ask),
                    ),
                    class_name="grid gap-3 sm:grid-cols-2 lg:grid-cols-3",
                ),
                empty(
                    "bot",
                    words.NO_AGENTS,
                    words.NO_AGENTS_TEXT,
                    allowed(
                        Permission.ADD_AGENT,
                        button(
                            words.NEW_AGENT,
                            icon="plus",
                            variant="primary",
                            href=routes.AGENT_NEW,
                        ),
                    ),
                ),
            ),
        ),
        actions=rx.el.div(
            text_link(words.ALL_AGENTS, href=routes.AGENTS, class_name="text-sm"),
            allowed(
                Permission.ADD_AGENT,
                button(
                    words.NEW_AGENT,
                    size="sm",
                    icon="plus",
                    href=routes.AGENT_NEW,
                    custom_attrs={"data-key": "n"},
                ),
            ),
            class_name="flex items-center gap-4",
        ),
    )


def _running() -> rx.Component:
    return section(
        words.RUNNING,
        rx.cond(
            DashboardState.is_loading,
            skeleton_rows(1),
            rx.cond(
                DashboardState.active.length() > 0,
                run_lines(
                    DashboardState.active, times=SessionState.times, label=words.RUNNING
                ),
                rx.el.p(
                    rx.icon(
                        "moon_star",
                        size=16,
                        aria_hidden="true",
                        class_name="text-faint",
                    ),
                    words.IDLE,
                    class_name="flex min-h-14 items-center gap-2.5 rounded-xl border border-dashed border-line-strong px-4 text-sm text-muted",
                ),
            ),
        ),
    )


def _recent() -> rx.Component:
    return section(
        words.RECENT,
        rx.cond(
            DashboardState.is_loading,
            skeleton_rows(4),
            rx.cond(
                DashboardState.recent.length() > 0,
                run_lines(
                    DashboardState.recent, times=SessionState.times, label=words.RECENT
                ),
                empty("activity", words.NO_RUNS, words.NO_RUNS_TEXT),
            ),
        ),
        actions=rx.el.div(
            rx.el.span(
                _number(DashboardState.completed_today, words.COMPLETED_TODAY),
                class_name="text-sm text-muted",
            ),
            rx.cond(
                DashboardState.failed_today > 0,
                rx.el.span(
                    _number(DashboardState.failed_today, words.FAILED_TODAY),
                    class_name="text-sm text-bad",
                ),
            ),
            text_link(words.ALL_RUNS, href=routes.RUNS, class_name="text-sm"),
            class_name="flex flex-wrap items-center gap-x-4 gap-y-1",
        ),
    )


def _number(number: rx.Var[int], text: str) -> rx.Component:
    return rx.fragment(
        rx.el.span(number, class_name="font-medium tabular-nums"), " ", text
    )


def _model_note() -> rx.Component:
    return rx.el.div(
        rx.icon(
            "info",
            size=16,
            aria_hidden="true",
            class_name="mt-0.5 shrink-0 text-accent",
        ),
        rx.el.div(
            rx.el.p(words.MODEL_TITLE, class_name="font-medium"),
            rx.el.p(
                words.MODEL_TEXT,
                text_link(words.MODEL_LINK, href=routes.MODELS, class_name="underline"),
                words.MODEL_TEXT_END,
                class_name="mt-0.5 text-muted",
            ),
            class_name="min-w-0 text-sm",
        ),
        role="note",
        class_name="flex gap-2.5 rounded-xl border border-line bg-surface px-4 py-3",
    )
