"""The form of one agent."""

from typing import Any

import reflex as rx

from app import routes
from app.components.agent import strings as words
from app.components.agent.agent_conduct import conduct
from app.components.agent.agent_fields import area as _area
from app.components.agent.agent_fields import choice as _choice
from app.components.agent.agent_fields import group as _group
from app.components.agent.agent_fields import text as _text
from app.components.agent.tool_picker import tool_picker
from app.components.models.fallback_fields import fallback_fields
from app.components.ui.button import button, text_link
from app.components.ui.counted import counted
from app.components.ui.form import CONTROL, check_field, field, form_error
from app.components.usage import budget_strings as budget_words
from app.components.usage.budgets import budgets_in_form
from app.components.widgets.draft import draft
from app.state.agent_editor import AgentEditorState
from app.state.session import SessionState

_values = AgentEditorState.values
_WITH_MODEL = "group-has-[[name=kind][value=quotes]:checked]/form:hidden"
_ONLY_REMOTE = "hidden group-has-[[name=execution][value=remote]:checked]/form:grid"


def agent_form(*, draft_name: Any, back: Any) -> rx.Component:
    """Return the form; what is typed is kept in the browser under `draft_name`."""
    return rx.el.form(
        draft(
            name=SessionState.email + "/" + draft_name,
            saved_at=AgentEditorState.saved_at,
            restored_text=words.RESTORED,
            discard_text=words.DISCARD,
        ),
        form_error(AgentEditorState.errors["form"]),
        _identity(),
        _instructions(),
        tool_picker(),
        _knowledge(),
        _place(),
        conduct(),
        rx.cond(
            AgentEditorState.editing_id != "",
            _group(budget_words.TITLE, budget_words.IN_FORM_ABOUT, budgets_in_form()),
        ),
        _group(
            words.PROMPTS,
            "",
            _area(
                "suggested_prompts",
                words.PROMPTS,
                _values.suggested_prompts,
                hint=words.PROMPTS_HINT,
                rows=3,
            ),
        ),
        rx.el.div(
            button(words.CANCEL, href=back),
            button(words.SAVE, type="submit", variant="primary"),
            class_name="sticky bottom-14 z-10 -mx-4 flex justify-end gap-2 border-t border-line bg-canvas/90 px-4 py-3 backdrop-blur md:bottom-0",
        ),
        on_submit=AgentEditorState.save,
        key=AgentEditorState.form_key,
        class_name="group/form flex flex-col gap-4",
        no_validate=True,
    )


def _identity() -> rx.Component:
    return _group(
        words.IDENTITY,
        "",
        _text("name", words.NAME, _values.name, auto_complete="off"),
        _text(
            "description",
            words.DESCRIPTION,
            _values.description,
            hint=words.DESCRIPTION_HINT,
            auto_complete="off",
        ),
        _choice(
            "kind",
            words.KIND,
            _values.kind,
            [
                ("answer", words.KIND_ANSWER, words.KIND_ANSWER_ABOUT),
                ("quotes", words.KIND_QUOTES, words.KIND_QUOTES_ABOUT),
                ("tools", words.KIND_TOOLS, words.KIND_TOOLS_ABOUT),
            ],
        ),
    )


def _instructions() -> rx.Component:
    return _group(
        words.INSTRUCTIONS,
        words.INSTRUCTIONS_ABOUT,
        _area(
            "instructions",
            words.INSTRUCTIONS,
            _values.instructions,
            rows=6,
            is_label_hidden=True,
        ),
        rx.el.div(
            rx.el.p(words.VARIABLES_TITLE, class_name="text-xs text-muted"),
            rx.el.ul(
                *[
                    rx.el.li(
                        rx.el.code(name, class_name="font-mono text-accent"),
                        f" {about}",
                        class_name="rounded-md bg-sunken px-1.5 py-0.5",
                    )
                    for name, about in words.VARIABLE_WORDS
                ],
                class_name="mt-1.5 flex flex-wrap gap-1.5 text-xs text-muted",
            ),
        ),
        _model(),
        fallback_fields(
            _values.fallbacks,
            AgentEditorState.models,
            error=AgentEditorState.errors["fallbacks"],
            about=words.FALLBACKS_ABOUT,
        ),
        rx.el.div(
            _text(
                "temperature",
                words.TEMPERATURE,
                _values.temperature,
                hint=words.TEMPERATURE_HINT,
                type="number",
                step="0.1",
                min="0",
                max="2",
            ),
            _text(
                "max_tokens",
                words.MAX_TOKENS,
                _values.max_tokens,
                hint=words.MAX_TOKENS_HINT,
                type="number",
                min="1",
            ),
            class_name="grid gap-4 sm:grid-cols-2",
        ),
        class_name=_WITH_MODEL,
    )


def _model() -> rx.Component:
    return field(
        "model",
        words.MODEL,
        rx.el.select(
            rx.foreach(
                AgentEditorState.models,
                lambda model: rx.el.option(
                    model.label,
                    value=model.name,
                    disabled=~model.is_available,
                    key=model.name,
                ),
            ),
            id="model",
            name="model",
            default_value=_values.model,
            aria_describedby="model-error model-hint",
            class_name=f"{CONTROL} h-9 pe-8",
        ),
        hint=words.MODEL_HINT,
        error=AgentEditorState.errors["model"],
    )


def _knowledge() -> rx.Component:
    return _group(
        words.KNOWLEDGE,
        words.KNOWLEDGE_ABOUT,
        rx.cond(
            AgentEditorState.collections.length() > 0,
            rx.el.div(
                rx.foreach(
                    AgentEditorState.collections,
                    lambda item: check_field(
                        item.field,
                        item.name,
                        hint=counted(item.documents, "document"),
                        default_checked=item.is_chosen,
                        key=item.field,
                    ),
                ),
                class_name="grid gap-3 sm:grid-cols-2",
            ),
            rx.el.p(
                words.NO_COLLECTIONS,
                " ",
                text_link(words.MAKE_COLLECTION, href=routes.KNOWLEDGE),
                class_name="text-sm text-muted",
            ),
        ),
        rx.el.div(
            _text(
                "passages",
                words.PASSAGES,
                _values.passages,
                hint=words.PASSAGES_HINT,
                type="number",
                min="1",
                max="20",
            ),
            class_name="grid gap-4 sm:grid-cols-2",
        ),
    )


def _place() -> rx.Component:
    return _group(
        words.RUNS_ON,
        "",
        _choice(
            "execution",
            words.RUNS_ON,
            _values.execution,
            [
                ("worker", words.RUNS_HERE, words.RUNS_HERE_ABOUT),
                ("remote", words.RUNS_REMOTE, words.RUNS_REMOTE_ABOUT),
            ],
            is_label_hidden=True,
        ),
        rx.el.div(
            _text(
                "remote_url",
                words.REMOTE_URL,
                _values.remote_url,
                hint=words.REMOTE_URL_HINT,
                type="url",
                auto_complete="off",
            ),
            _text(
                "remote_agent_id",
                words.REMOTE_AGENT_ID,
                _values.remote_agent_id,
                hint=words.REMOTE_AGENT_ID_HINT,
                auto_complete="off",
            ),
            _text(
                "remote_key",
                words.REMOTE_KEY,
                "",
                hint=rx.cond(
                    _values.has_remote_key, words.REMOTE_KEY_KEPT, words.REMOTE_KEY_HINT
                ),
                type="password",
                auto_complete="off",
            ),
            class_name=f"{_ONLY_REMOTE} gap-4",
        ),
    )
