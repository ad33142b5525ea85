"""API keys: a new one with its limits, those that work, and another secret for one."""

from typing import Any

import reflex as rx

from app.components.settings import strings as words
from app.components.ui.badge import badge
from app.components.ui.button import button, text_link
from app.components.ui.card import card, section
from app.components.ui.dialog import confirm, dialog, dialog_actions
from app.components.ui.form import (
    CONTROL,
    check_field,
    field_error,
    search_field,
    select_field,
    text_field,
)
from app.components.widgets.clock import time_ago
from app.state.api_keys import ApiKeysState
from app.state.session import SessionState


def api_keys() -> rx.Component:
    """Return the keys, and the form of a new one."""
    return section(
        words.KEYS,
        card(
            _form(),
            rx.cond(ApiKeysState.fresh_key != "", _fresh()),
            rx.cond(
                ApiKeysState.is_searchable,
                rx.el.div(
                    search_field(
                        words.SEARCH_KEYS,
                        on_change=ApiKeysState.search.debounce(200),
                    ),
                    class_name="mt-4 flex border-t border-line pt-4",
                ),
            ),
            rx.cond(
                ApiKeysState.rows.length() > 0,
                rx.el.ul(
                    rx.foreach(ApiKeysState.rows, _key),
                    aria_label=words.KEYS,
                    class_name="mt-4 divide-y divide-line border-t border-line",
                ),
                rx.el.p(
                    rx.cond(ApiKeysState.text != "", words.NO_SUCH_KEY, words.NO_KEYS),
                    class_name="mt-4 border-t border-line pt-4 text-sm text-muted",
                ),
            ),
        ),
        description=words.KEYS_ABOUT,
        actions=text_link(
            words.API_DOCS, href="/docs", target="_blank", class_name="text-sm"
        ),
    )


def key_dialogs() -> rx.Component:
    """Return what is asked before a key ends."""
    return rx.fragment(
        confirm(
            words.REVOKE_TITLE + ApiKeysState.doomed_name + "?",
            words.REVOKE_TEXT,
            verb=words.REVOKE,
            is_open=ApiKeysState.doomed_key != "",
            on_confirm=ApiKeysState.revoke,
            on_close=ApiKeysState.keep,
        ),
        dialog(
            words.ROTATE_TITLE + ApiKeysState.rotated_name,
            rx.el.form(
                rx.el.p(words.ROTATE_TEXT, class_name="text-sm text-muted"),
                select_field("grace_hours", words.GRACE, words.GRACES),
                dialog_actions(
                    button(words.CANCEL, on_click=ApiKeysState.keep),
                    button(words.ROTATE, type="submit", variant="primary"),
                ),
                on_submit=ApiKeysState.rotate,
                class_name="flex flex-col gap-4",
            ),
            is_open=ApiKeysState.rotated_key != "",
            on_close=ApiKeysState.keep,
        ),
    )


def _form() -> rx.Component:
    return rx.el.form(
        rx.el.div(
            rx.el.div(
                text_field(
                    "name",
                    words.KEY_NAME,
                    error=ApiKeysState.errors["name"],
                    hint=words.KEY_NAME_HINT,
                    auto_complete="off",
                    max_length=100,
                ),
                class_name="min-w-0 flex-1",
            ),
            select_field("days", words.KEY_LIFE, words.KEY_LIVES),
            button(
                words.MAKE_KEY,
                type="submit",
                icon="key_round",
                class_name="sm:mt-[1.625rem]",
            ),
            class_name="flex flex-col gap-3 sm:flex-row sm:items-start",
        ),
        _limits(words.KEY_SCOPES, words.KEY_SCOPES_HINT, ApiKeysState.scopes, "scopes"),
        rx.cond(
            ApiKeysState.agents.length() > 0,
            _limits(
                words.KEY_AGENTS,
                words.KEY_AGENTS_HINT,
                ApiKeysState.agents,
                "agent_ids",
            ),
        ),
        on_submit=ApiKeysState.create,
        key=ApiKeysState.form_key.to(str),
        no_validate=True,
        class_name="flex flex-col gap-3",
    )


def _limits(title: str, hint: str, choices: Any, name: str) -> rx.Component:
    return rx.el.details(
        rx.el.summary(title, class_name="cursor-pointer text-sm font-medium"),
        rx.el.p(hint, class_name="mt-1 text-xs text-muted"),
        rx.el.div(
            rx.foreach(
                choices,
                lambda choice: check_field(
                    choice.field, choice.label, key=choice.field
                ),
            ),
            class_name="mt-2 grid gap-2 sm:grid-cols-3",
        ),
        field_error(name, ApiKeysState.errors[name]),
    )


def _fresh() -> rx.Component:
    return rx.el.div(
        rx.el.p(words.FRESH, class_name="text-sm font-medium"),
        rx.el.div(
            rx.el.input(
                value=ApiKeysState.fresh_key,
                read_only=True,
                aria_label="New API key",
                class_name=f"{CONTROL} h-9 min-w-0 flex-1 font-mono text-xs select-all",
            ),
            button(
                words.COPY,
                icon="copy",
                on_click=rx.set_clipboard(ApiKeysState.fresh_key),
            ),
            button(words.HIDE, variant="ghost", on_click=ApiKeysState.hide),
            class_name="mt-2 flex flex-wrap gap-2",
        ),
        role="status",
        class_name="mt-4 rounded-lg bg-accent-soft p-3",
    )


def _key(key: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(
                key.name,
                " ",
                rx.el.code(key.prefix + "…", class_name="font-mono text-xs text-muted"),
                rx.cond(
                    key.is_over, badge(words.KEY_OVER, tone="warn", class_name="ms-2")
                ),
                class_name="truncate text-sm font-medium",
            ),
            rx.el.p(
                words.CREATED,
                time_ago(at=key.created_at, mode=SessionState.times),
                ", ",
                rx.cond(
                    key.last_used_at != "",
                    rx.fragment(
                        words.USED,
                        time_ago(at=key.last_used_at, mode=SessionState.times),
                    ),
                    words.NEVER_USED,
                ),
                rx.cond(
                    key.expires_at != "",
                    rx.fragment(
                        words.ENDS, time_ago(at=key.expires_at, mode=SessionState.times)
                    ),
                ),
                class_name="text-xs text-muted",
            ),
            rx.el.p(key.limits, class_name="text-xs text-muted empty:hidden"),
            class_name="min-w-0 flex-1",
        ),
        rx.cond(
            ~key.is_over,
            button(
                words.ROTATE,
                size="sm",
                on_click=ApiKeysState.ask_rotate(key.id, key.name),
                aria_label=words.ROTATE_TITLE + key.name,
            ),
        ),
        button(
            words.REVOKE,
            size="sm",
            variant="danger",
            on_click=ApiKeysState.ask_revoke(key.id, key.name),
            aria_label=words.REVOKE_TITLE + key.name,
        ),
        key=key.id,
        class_name="flex items-center gap-2 py-2.5 last:pb-0",
    )
