"""The tools that an agent is given, with what each may do."""

from typing import Any

import reflex as rx

from app.components.agent import strings as words
from app.components.ui.badge import Tone, badge
from app.components.ui.card import SURFACE
from app.components.ui.form import check_field, field_error
from app.state.agent_editor import AgentEditorState

_TONES: dict[str, Tone] = {"pure": "neutral", "idempotent": "accent", "unsafe": "warn"}
_ONLY_TOOLS = "hidden group-has-[[name=kind][value=tools]:checked]/form:flex"


def tool_picker() -> rx.Component:
    """Return the group of the form; it shows for agents that use tools."""
    return rx.el.section(
        rx.el.div(
            rx.el.h2(words.TOOLS, class_name="font-semibold"),
            rx.el.p(words.TOOLS_ABOUT, class_name="text-sm text-muted"),
        ),
        rx.el.p(
            rx.icon(
                "info",
                size=15,
                aria_hidden="true",
                class_name="mt-0.5 shrink-0 text-accent",
            ),
            words.TOOLS_MODEL,
            class_name="flex gap-2.5 rounded-lg bg-sunken px-3 py-2 text-sm",
        ),
        rx.el.div(
            rx.foreach(AgentEditorState.tools, _tool),
            id="tools",
            class_name="grid gap-x-6 gap-y-3 sm:grid-cols-2",
        ),
        field_error("tools", AgentEditorState.errors["tools"]),
        rx.el.p(words.TOOLS_RISK, class_name="text-xs text-muted"),
        class_name=f"{SURFACE} {_ONLY_TOOLS} flex-col gap-4 p-4 sm:p-5",
    )


def _tool(tool: Any) -> rx.Component:
    return check_field(
        tool.field,
        rx.el.span(
            tool.title,
            _risk(tool.effect),
            class_name="flex flex-wrap items-center gap-x-2 gap-y-1",
        ),
        hint=tool.about,
        default_checked=tool.is_chosen,
        key=tool.field,
    )


def _risk(effect: Any) -> rx.Component:
    cases = [
        (name, badge(text, tone=_TONES[name])) for name, text in words.EFFECTS.items()
    ]
    return rx.fragment(rx.match(effect, *cases, rx.fragment()))
