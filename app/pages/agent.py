"""The page of one agent: ask it, watch it answer, ask on."""

from typing import Any

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.run.answer_card import answer_card
from app.components.run.citation import passage_panel
from app.components.run.composer import composer, suggestions
from app.components.run.history import history, turns
from app.components.sharing import strings as sharing_words
from app.components.sharing.badges import share_badges
from app.components.sharing.dialog import sharing_dialog
from app.components.ui.badge import badge
from app.components.ui.banner import banner
from app.components.ui.button import button, text_link
from app.components.ui.missing import missing
from app.components.ui.skeleton import skeleton
from app.components.usage.budgets import agent_budgets
from app.components.widgets.clock import pulse
from app.components.widgets.event_log import answer, event_log
from app.components.widgets.page import address
from app.pages import _run_strings as words
from app.pages._page import page
from app.state.agent_list import AgentListState
from app.state.agent_run import AgentRunState
from app.state.budgets import BudgetsState
from app.state.passage import PassageState
from app.state.run_feed import RunFeedState
from app.state.session import SessionState
from app.state.sharing import SharingState

_BUSY_SECONDS = 2.0
_IDLE_SECONDS = 15.0


@page(
    routes.AGENT,
    words.AGENT,
    permission=Permission.VIEW_AGENT,
    on_load=[AgentRunState.load, BudgetsState.load_of_agent],
    on_leave=[RunFeedState.leave, PassageState.close, SharingState.close],
)
def agent() -> rx.Component:
    return shell(
        rx.cond(AgentRunState.is_missing, _missing(), _agent()),
        here=routes.AGENTS,
        width="wide",
    )


def _agent() -> rx.Component:
    return rx.fragment(
        page_head(
            rx.cond(
                AgentRunState.agent.id != "", AgentRunState.agent.name, words.LOADING
            ),
            crumbs=[(words.AGENTS, routes.AGENTS)],
            description=_about(),
            actions=rx.fragment(
                rx.cond(
                    AgentRunState.thread_id != "",
                    button(
                        words.NEW_CONVERSATION,
                        icon="plus",
                        on_click=AgentRunState.begin_again,
                        custom_attrs={"data-key": "n"},
                    ),
                ),
                _actions(AgentRunState.agent),
            ),
        ),
        rx.cond(
            AgentRunState.is_withdrawn,
            banner(sharing_words.WITHDRAWN, sharing_words.WITHDRAWN_TEXT),
        ),
        rx.el.div(
            rx.el.div(_conversation(), class_name="flex min-w-0 flex-col gap-4"),
            rx.el.aside(
                history(), agent_budgets(), class_name="flex min-w-0 flex-col gap-6"
            ),
            class_name="grid gap-6 lg:grid-cols-[minmax(0,1fr)_17rem]",
        ),
        passage_panel(),
        sharing_dialog(),
        address({"run": AgentRunState.shown}),
        pulse(
            seconds=rx.cond(AgentRunState.has_active, _BUSY_SECONDS, _IDLE_SECONDS),
            on_pulse=AgentRunState.refresh,
        ),
    )


def _actions(agent: Any) -> rx.Component:
    """What may be done with the agent, for whom it is; nothing before it is known."""
    is_there = (agent.id != "") & ~AgentRunState.is_withdrawn
    return rx.fragment(
        rx.cond(
            is_there & agent.is_own,
            button(
                sharing_words.SHARE,
                icon="users",
                on_click=SharingState.open_agent(agent.id, agent.name, agent.is_public),
            ),
        ),
        rx.cond(
            is_there & ~agent.is_own,
            button(
                sharing_words.DUPLICATE,
                icon="copy",
                on_click=AgentListState.duplicate(agent.id),
            ),
        ),
        rx.cond(
            is_there & agent.can_edit,
            button(words.EDIT, icon="pencil", href=routes.agent_edit_path(agent.id)),
        ),
    )


def _about() -> rx.Component:
    agent = AgentRunState.agent
    return rx.el.div(
        rx.el.p(agent.description, class_name="empty:hidden"),
        rx.el.div(
            rx.cond(
                agent.kind == "quotes",
                badge(words.QUOTES, icon="quote"),
                rx.cond(agent.model != "", badge(agent.model, icon="cpu")),
            ),
            rx.cond(agent.is_remote, badge(words.REMOTE, icon="radio_tower")),
            rx.cond(
                agent.is_archived, badge(words.ARCHIVED, icon="archive", tone="warn")
            ),
            share_badges(agent),
            rx.foreach(agent.collections, _place),
            _hidden(agent),
            class_name="mt-2 flex flex-wrap items-center gap-1.5",
        ),
        rx.cond(agent.id == "", skeleton("mt-2 h-6 w-64")),
    )


def _hidden(agent: Any) -> rx.Component:
    return rx.cond(
        agent.collections_hidden > 0,
        badge(
            rx.cond(
                agent.collections_hidden == 1,
                sharing_words.HIDDEN_ONE,
                agent.collections_hidden.to(str) + sharing_words.HIDDEN,
            ),
            icon="book_lock",
            title=sharing_words.HIDDEN_ABOUT,
        ),
    )


def _place(place: Any) -> rx.Component:
    return rx.el.a(
        badge(place.name, icon="book_open", tone="accent"),
        href=routes.collection_path(place.id),
        key=place.id,
        class_name="rounded-full hover:underline",
    )


def _conversation() -> rx.Component:
    has_run = RunFeedState.current_run_id != ""
    return rx.fragment(
        turns(),
        rx.cond(has_run, answer_card()),
        _asking(has_run),
        # Without a run it draws nothing, but has its code and its socket ready for the first one.
        rx.el.section(
            rx.el.h2(words.LOG, class_name="sr-only"),
            answer(run_id=""),
            event_log(
                run_id=RunFeedState.current_run_id,
                height="min(34rem, 75dvh)",
                reader=SessionState.email,
                on_connection=RunFeedState.note_connection,
            ),
            hidden=~has_run,
        ),
        rx.cond(
            AgentRunState.agent.is_small & AgentRunState.agent.can_edit, _small_model()
        ),
    )


def _asking(has_run: Any) -> rx.Component:
    """What to ask with, for those who may run the agent."""
    return rx.cond(
        AgentRunState.is_withdrawn,
        rx.fragment(),
        rx.cond(
            AgentRunState.agent.can_run,
            rx.fragment(
                composer(),
                rx.cond(has_run, rx.fragment(), suggestions()),
            ),
            banner(sharing_words.NOT_YOURS_TO_RUN, sharing_words.NOT_YOURS_TO_RUN_TEXT),
        ),
    )


def _small_model() -> rx.Component:
    return rx.el.aside(
        rx.icon(
            "info",
            size=15,
            aria_hidden="true",
            class_name="mt-0.5 shrink-0 text-accent",
        ),
        rx.el.p(
            words.SMALL_MODEL,
            text_link(
                words.SMALL_MODEL_LINK, href=routes.MODELS, class_name="underline"
            ),
            words.SMALL_MODEL_END,
            class_name="min-w-0",
        ),
        class_name="flex gap-2.5 px-1 text-sm text-muted",
    )


def _missing() -> rx.Component:
    return missing(
        words.AGENT,
        icon="bot",
        title=words.MISSING_AGENT,
        text=words.MISSING_AGENT_TEXT,
        back=words.TO_AGENTS,
        href=routes.AGENTS,
    )
