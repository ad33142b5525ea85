"""The table of agents and what can be done with each."""

from typing import Any

import reflex as rx

from app import routes
from app.components.sharing.badges import share_badges
from app.components.ui.badge import badge, run_status
from app.components.ui.menu import menu, menu_item
from app.components.ui.table import cell, row, table
from app.components.widgets.clock import time_ago
from app.state.agent_list import AgentListState
from app.state.session import SessionState
from app.state.sharing import SharingState

_HEADS = ("Agent", "Model", "Last run", "")


def agent_table(agents: Any, *, is_archived: Any) -> rx.Component:
    """Return the table."""
    return table(
        "Agents", _HEADS, rx.foreach(agents, lambda agent: _row(agent, is_archived))
    )


def _row(agent: Any, is_archived: Any) -> rx.Component:
    return row(
        cell(
            rx.el.a(
                rx.el.span(
                    agent.name, class_name="font-medium group-hover:text-accent"
                ),
                rx.cond(
                    agent.is_remote,
                    badge("Remote", icon="radio_tower", class_name="ms-2"),
                ),
                share_badges(agent, class_name="ms-2"),
                rx.el.span(agent.description, class_name="line-clamp-1 text-muted"),
                href=routes.agent_path(agent.id),
                class_name="block min-w-0 rounded",
            ),
            class_name="w-full min-w-0 sm:w-auto sm:max-w-md",
        ),
        cell(
            rx.el.span(
                rx.cond(agent.kind == "quotes", "Passages only", agent.model),
                class_name="text-muted",
            ),
            class_name="whitespace-nowrap",
        ),
        cell(
            rx.cond(
                agent.last_status != "",
                rx.el.span(
                    run_status(agent.last_status),
                    time_ago(
                        at=agent.last_at,
                        mode=SessionState.times,
                        class_name="text-xs text-muted",
                    ),
                    class_name="flex items-center gap-2 whitespace-nowrap",
                ),
                rx.el.span("Never run", class_name="text-xs text-faint"),
            )
        ),
        cell(_actions(agent, is_archived), class_name="ms-auto text-end"),
        key=agent.id,
    )


def _actions(agent: Any, is_archived: Any) -> rx.Component:
    menu_id = "agent-" + agent.id
    return menu(
        menu_id,
        rx.cond(
            agent.can_edit,
            menu_item(menu_id, "pencil", "Edit", href=routes.agent_edit_path(agent.id)),
        ),
        rx.cond(
            agent.is_own,
            menu_item(
                menu_id,
                "users",
                "Share…",
                on_click=SharingState.open_agent(agent.id, agent.name, agent.is_public),
            ),
        ),
        menu_item(
            menu_id, "copy", "Duplicate", on_click=AgentListState.duplicate(agent.id)
        ),
        rx.cond(agent.can_edit, _archive(agent, menu_id, is_archived)),
        rx.cond(
            agent.is_own,
            menu_item(
                menu_id,
                "trash_2",
                "Delete…",
                is_dangerous=True,
                on_click=AgentListState.ask_delete(agent.id, agent.name),
            ),
        ),
        label="Actions for " + agent.name,
    )


def _archive(agent: Any, menu_id: Any, is_archived: Any) -> rx.Component:
    return rx.cond(
        is_archived,
        menu_item(
            menu_id,
            "archive_restore",
            "Bring back",
            on_click=AgentListState.restore(agent.id),
        ),
        menu_item(
            menu_id, "archive", "Archive", on_click=AgentListState.archive(agent.id)
        ),
    )
