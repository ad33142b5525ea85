"""Where a question is written, in words or as JSON."""

from typing import Any

import reflex as rx

from app.components.run import strings as words
from app.components.ui.button import button
from app.components.ui.card import SURFACE
from app.components.ui.form import field_error
from app.components.widgets.draft import draft
from app.state.agent_run import AgentRunState
from app.state.run_feed import RunFeedState
from app.state.run_tags import FIELD as TAGS
from app.state.session import SessionState

_LINES = 3
_PAUSE = 250  # milliseconds after the last key


def composer() -> rx.Component:
    """Return the form; its hidden id makes a double click one run."""
    return rx.el.form(
        rx.cond(AgentRunState.agent.id != "", _draft()),
        rx.el.input(
            type="hidden",
            name="request_id",
            value=AgentRunState.request_id,
            read_only=True,
        ),
        rx.el.div(
            rx.el.label(_label(), html_for="query", class_name="text-sm font-medium"),
            _modes(),
            class_name="flex items-center justify-between gap-2 px-3 pt-2.5",
        ),
        _field(),
        rx.el.div(
            rx.el.div(
                field_error("query", AgentRunState.errors["query"]),
                field_error(TAGS, AgentRunState.errors[TAGS]),
                rx.cond(
                    AgentRunState.is_json
                    & (AgentRunState.question != "")
                    & ~AgentRunState.errors.contains("query"),
                    _fine(),
                ),
                rx.el.p(
                    words.RUN_HINT,
                    id="query-hint",
                    class_name="hidden text-xs text-faint md:block",
                ),
                class_name="flex min-w-0 flex-1 flex-wrap items-center gap-x-3",
            ),
            _tags(),
            _run(),
            class_name="flex min-h-13 items-center gap-2 px-3 pt-1 pb-3",
        ),
        on_submit=AgentRunState.submit,
        reset_on_submit=False,
        class_name=f"{SURFACE} focus-within:border-accent focus-within:ring-1 focus-within:ring-accent",
    )


def suggestions() -> rx.Component:
    """Return the agent's suggested questions, each one click away."""
    return rx.cond(
        AgentRunState.agent.prompts.length() > 0,
        rx.el.div(
            rx.el.p(words.SUGGESTED, class_name="text-xs font-medium text-muted"),
            rx.el.div(
                rx.foreach(
                    AgentRunState.agent.prompts,
                    lambda prompt: rx.el.button(
                        rx.icon(
                            "corner_down_right",
                            size=13,
                            aria_hidden="true",
                            class_name="mt-1 shrink-0 text-faint",
                        ),
                        prompt,
                        type="button",
                        key=prompt,
                        on_click=AgentRunState.ask(prompt, AgentRunState.request_id),
                        class_name="flex min-h-9 items-start gap-2 rounded-lg border border-line bg-surface px-3 py-1.5 text-start "
                        "text-sm transition-colors duration-100 hover:border-accent hover:bg-accent-soft hover:text-accent",
                    ),
                ),
                class_name="mt-2 flex flex-wrap gap-2",
            ),
        ),
    )


def _draft() -> rx.Component:
    agent_id: Any = AgentRunState.agent.id
    return draft(
        name=SessionState.email + "/ask:" + agent_id,
        saved_at=AgentRunState.request_id,
        key=agent_id,
    )


def _label() -> Any:
    return rx.cond(
        AgentRunState.is_json,
        words.ASK_JSON,
        rx.cond(AgentRunState.thread_id != "", words.ASK_FOLLOW_UP, words.ASK),
    )


def _field() -> rx.Component:
    return rx.el.textarea(
        id="query",
        name="query",
        on_change=AgentRunState.write.debounce(_PAUSE),
        rows=str(_LINES),
        enter_key_submit=True,
        placeholder=rx.cond(
            AgentRunState.is_json, words.PLACEHOLDER_JSON, words.PLACEHOLDER
        ),
        style={"outline": "none"},
        spell_check=~AgentRunState.is_json,
        aria_describedby="query-error query-hint",
        aria_invalid=rx.cond(AgentRunState.errors.contains("query"), "true", "false"),
        class_name=rx.cond(
            AgentRunState.is_json,
            "block w-full resize-y bg-transparent px-3 py-2 font-mono text-sm text-ink placeholder:text-faint",
            "block w-full resize-y bg-transparent px-3 py-2 text-base text-ink placeholder:text-faint",
        ),
    )


def _tags() -> rx.Component:
    return rx.el.label(
        rx.icon("tag", size=13, aria_hidden="true", class_name="shrink-0"),
        rx.el.input(
            id=TAGS,
            name=TAGS,
            placeholder=words.TAGS,
            aria_label=words.TAGS_OF_NEXT,
            aria_describedby=f"{TAGS}-error",
            aria_invalid=rx.cond(AgentRunState.errors.contains(TAGS), "true", "false"),
            auto_complete="off",
            class_name="h-7 w-20 min-w-0 rounded bg-transparent px-1 text-ink placeholder:text-muted sm:w-32",
        ),
        title=words.TAGS_OF_NEXT,
        class_name="flex items-center gap-1 text-xs text-muted",
    )


def _fine() -> rx.Component:
    return rx.el.p(
        rx.icon("circle_check", size=13, aria_hidden="true"),
        words.JSON_OK,
        class_name="flex items-center gap-1 text-xs font-medium text-ok",
    )


def _modes() -> rx.Component:
    return rx.el.div(
        _mode(words.WORDS, ~AgentRunState.is_json),
        _mode(words.JSON, AgentRunState.is_json),
        role="group",
        aria_label=words.QUESTION,
        class_name="flex rounded-lg bg-sunken p-0.5",
    )


def _mode(text: str, is_on: Any) -> rx.Component:
    return rx.el.button(
        text,
        type="button",
        aria_pressed=rx.cond(is_on, "true", "false"),
        on_click=rx.cond(is_on, rx.noop(), AgentRunState.switch()),
        class_name="h-6 rounded-md px-2.5 text-xs font-medium text-muted hover:text-ink "
        "aria-pressed:bg-surface aria-pressed:text-ink aria-pressed:shadow-card",
    )


def _run() -> rx.Component:
    return rx.cond(
        RunFeedState.is_active,
        rx.fragment(),
        button(
            words.RUN,
            type="submit",
            variant="primary",
            icon="play",
            disabled=(AgentRunState.agent.id == "") | AgentRunState.agent.is_archived,
        ),
    )


def stop_button() -> rx.Component:
    """Return the button that stops the run that is shown."""
    return button(
        rx.cond(RunFeedState.is_stopping, words.STOPPING, words.STOP),
        variant="danger",
        size="sm",
        icon="square",
        on_click=RunFeedState.stop,
    )
