"""API keys and logins."""

from typing import Any

import reflex as rx

from app.components.settings import strings as words
from app.components.ui.badge import badge
from app.components.ui.button import button, text_link
from app.components.ui.card import SURFACE, card, section
from app.components.ui.form import CONTROL, text_field
from app.components.widgets.clock import time_ago
from app.state.api_keys import ApiKeysState
from app.state.session import SessionState
from app.state.settings import SettingsState


def api_keys() -> rx.Component:
    """Return the keys, and the form of a new one."""
    return section(
        words.KEYS,
        card(
            rx.el.form(
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
                button(
                    words.MAKE_KEY,
                    type="submit",
                    icon="key_round",
                    class_name="sm:mt-[1.625rem]",
                ),
                on_submit=ApiKeysState.create,
                key=ApiKeysState.form_key.to(str),
                no_validate=True,
                class_name="flex flex-col gap-3 sm:flex-row sm:items-start",
            ),
            rx.cond(ApiKeysState.fresh_key != "", _fresh()),
            rx.cond(
                ApiKeysState.rows.length() > 0,
                rx.el.ul(
                    rx.foreach(ApiKeysState.rows, _key),
                    aria_label=words.KEYS,
                    class_name="mt-4 divide-y divide-line border-t border-line",
                ),
                rx.el.p(
                    words.NO_KEYS,
                    class_name="mt-4 border-t border-line pt-4 text-sm text-muted",
                ),
            ),
        ),
        description=words.KEYS_ABOUT,
        actions=text_link(
            words.API_DOCS, href="/docs", target="_blank", class_name="text-sm"
        ),
    )


def logins() -> rx.Component:
    """Return the devices on which the user is signed in."""
    return section(
        words.LOGINS,
        rx.el.ul(
            rx.foreach(SettingsState.logins, _login),
            aria_label=words.LOGINS,
            class_name=f"{SURFACE} divide-y divide-line",
        ),
        description=words.LOGINS_ABOUT,
        actions=rx.cond(
            SettingsState.logins.length() > 1,
            button(words.END_OTHERS, size="sm", on_click=SettingsState.end_others),
        ),
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
                class_name="text-xs text-muted",
            ),
            class_name="min-w-0 flex-1",
        ),
        button(
            words.REVOKE,
            size="sm",
            variant="danger",
            on_click=ApiKeysState.ask_revoke(key.id, key.name),
            aria_label=words.REVOKE_TITLE + key.name,
        ),
        key=key.id,
        class_name="flex items-center gap-3 py-2.5 last:pb-0",
    )


def _login(login: Any) -> rx.Component:
    return rx.el.li(
        rx.icon(
            "monitor_smartphone",
            size=16,
            aria_hidden="true",
            class_name="shrink-0 text-faint",
        ),
        rx.el.div(
            rx.el.p(login.device, class_name="truncate text-sm font-medium"),
            rx.el.p(
                words.SIGNED_IN,
                time_ago(at=login.created_at, mode=SessionState.times),
                rx.cond(login.address != "", words.FROM + login.address, ""),
                words.SEEN,
                time_ago(at=login.last_seen_at, mode=SessionState.times),
                class_name="text-xs text-muted",
            ),
            class_name="min-w-0 flex-1",
        ),
        rx.cond(
            login.is_current,
            badge(words.THIS_DEVICE, tone="accent"),
            button(
                words.END,
                size="sm",
                on_click=SettingsState.end_login(login.id),
                aria_label=words.END + ": " + login.device,
            ),
        ),
        key=login.id,
        class_name="flex items-center gap-3 px-4 py-2.5",
    )
