"""Making a new agent, from a template or from nothing, and editing one."""

from typing import Any

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.components.agent import strings as words
from app.components.agent.agent_form import agent_form
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.ui.missing import missing
from app.components.ui.skeleton import skeleton_rows
from app.pages import _run_strings as run_words
from app.pages._page import page
from app.state.agent_editor import AgentEditorState
from app.state.budgets import BudgetsState

_CRUMBS = [(words.AGENTS, routes.AGENTS)]


@page(
    routes.AGENT_NEW,
    words.NEW_TITLE,
    permission=Permission.ADD_AGENT,
    on_load=[AgentEditorState.load_new],
    on_leave=[AgentEditorState.leave],
)
def new_agent() -> rx.Component:
    return shell(
        page_head(words.NEW_TITLE, crumbs=_CRUMBS),
        rx.el.section(
            rx.el.h2(words.TEMPLATES, class_name="mb-2 text-sm font-medium"),
            rx.el.div(
                _template("", words.BLANK, words.BLANK_ABOUT),
                rx.foreach(
                    AgentEditorState.templates,
                    lambda item: _template(item.key, item.name, item.description),
                ),
                class_name="grid grid-cols-2 gap-2 sm:grid-cols-4",
            ),
            class_name="mb-6",
        ),
        _form("new", routes.AGENTS),
        here=routes.AGENTS,
        width="narrow",
    )


@page(
    routes.AGENT_EDIT,
    words.EDIT_TITLE,
    permission=Permission.CHANGE_AGENT,
    on_load=[AgentEditorState.load_existing, BudgetsState.load_of_agent],
    on_leave=[AgentEditorState.leave],
)
def edit_agent() -> rx.Component:
    return shell(
        rx.cond(AgentEditorState.is_missing, _missing(), _edited()),
        here=routes.AGENTS,
        width="narrow",
    )


def _edited() -> rx.Component:
    back = routes.agent_path(AgentEditorState.editing_id)
    return rx.fragment(
        page_head(
            words.EDIT_TITLE, crumbs=[*_CRUMBS, (AgentEditorState.values.name, back)]
        ),
        _form(AgentEditorState.editing_id, back),
    )


def _missing() -> rx.Component:
    return missing(
        words.EDIT_TITLE,
        icon="bot",
        title=run_words.MISSING_AGENT,
        text=run_words.MISSING_AGENT_TEXT,
        back=run_words.TO_AGENTS,
        href=routes.AGENTS,
    )


def _form(name: Any, back: Any) -> rx.Component:
    return rx.el.div(
        rx.cond(
            AgentEditorState.form_key != "",
            agent_form(draft_name="agent:" + AgentEditorState.form_key, back=back),
            skeleton_rows(3, "h-44"),
        ),
        key=str(name) if isinstance(name, str) else None,
    )


def _template(key: Any, name: Any, about: Any) -> rx.Component:
    return rx.el.a(
        rx.el.span(name, class_name="block truncate text-sm font-medium"),
        rx.el.span(about, class_name="line-clamp-2 text-xs text-muted"),
        href=routes.agent_template_path(key)
        if isinstance(key, rx.Var)
        else routes.AGENT_NEW,
        class_name="block rounded-lg border border-line bg-surface p-3 transition-colors duration-100 hover:border-accent hover:bg-accent-soft",
    )
