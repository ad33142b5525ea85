"""The list of agents."""

from typing import Any

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.components.agent.agent_list import agent_table
from app.components.layout.allowed import allowed
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.sharing.dialog import sharing_dialog
from app.components.ui.button import button
from app.components.ui.dialog import confirm
from app.components.ui.empty import empty
from app.components.ui.form import search_field
from app.components.ui.skeleton import skeleton_rows
from app.components.ui.tabs import tabs
from app.components.widgets.page import address
from app.pages import _agent_strings as words
from app.pages._page import page
from app.state.agent_list import ARCHIVED, AgentListState
from app.state.sharing import SharingState


@page(
    routes.AGENTS,
    words.AGENTS,
    permission=Permission.VIEW_AGENT,
    on_load=[AgentListState.load],
    on_leave=[AgentListState.leave, SharingState.close],
)
def agents() -> rx.Component:
    return shell(
        page_head(words.AGENTS, description=words.AGENTS_ABOUT, actions=_new()),
        rx.el.div(
            tabs(
                words.AGENTS,
                [
                    (words.MINE, routes.AGENTS, AgentListState.show == ""),
                    *[
                        (text, routes.agents_path(show=key), AgentListState.show == key)
                        for key, text in words.TABS
                    ],
                ],
            ),
            rx.el.div(
                search_field(
                    words.SEARCH,
                    default_value=AgentListState.text,
                    key=AgentListState.search_key.to(str),
                    on_change=AgentListState.search.debounce(200),
                ),
                address({"q": AgentListState.text}),
                class_name="flex",
            ),
            rx.cond(AgentListState.is_loading, skeleton_rows(4, "h-16"), _rows()),
            class_name="flex flex-col gap-4",
        ),
        confirm(
            words.DELETE_TITLE + AgentListState.doomed_name + "?",
            words.DELETE_TEXT,
            verb=words.DELETE,
            is_open=AgentListState.doomed_id != "",
            on_confirm=AgentListState.delete,
            on_close=AgentListState.keep,
        ),
        sharing_dialog(),
        here=routes.AGENTS,
    )


def _rows() -> Any:
    return rx.cond(
        AgentListState.rows.length() > 0,
        rx.fragment(
            agent_table(
                AgentListState.rows, is_archived=AgentListState.show == ARCHIVED
            ),
            rx.cond(
                AgentListState.has_more,
                rx.el.div(
                    button(words.MORE, on_click=AgentListState.load_more),
                    class_name="text-center",
                ),
            ),
        ),
        rx.cond(
            AgentListState.text != "",
            empty(
                "search_x",
                words.NO_MATCH,
                words.NO_MATCH_TEXT,
                button(words.CLEAR, on_click=AgentListState.clear),
            ),
            rx.match(
                AgentListState.show,
                *[
                    (
                        key,
                        empty(
                            icon, title, text, button(words.BACK, href=routes.AGENTS)
                        ),
                    )
                    for key, (icon, title, text) in words.NOTHING.items()
                ],
                empty("bot", words.NO_AGENTS, words.NO_AGENTS_TEXT, _new()),
            ),
        ),
    )


def _new() -> rx.Component:
    return allowed(
        Permission.ADD_AGENT,
        button(
            words.NEW,
            icon="plus",
            variant="primary",
            href=routes.AGENT_NEW,
            custom_attrs={"data-key": "n"},
        ),
    )
