"""Secrets: stored under names, never shown again."""

from typing import Any

import reflex as rx

from app.components.settings import strings as words
from app.components.ui.button import button
from app.components.ui.card import card, section
from app.components.ui.dialog import confirm
from app.components.ui.form import text_field
from app.components.widgets.clock import time_ago
from app.state.secrets import SecretsState
from app.state.session import SessionState


def secrets() -> rx.Component:
    """Return the secrets, and the form that stores one."""
    return section(
        words.SECRETS,
        card(
            _form(),
            rx.cond(
                SecretsState.rows.length() > 0,
                rx.el.ul(
                    rx.foreach(SecretsState.rows, _secret),
                    aria_label=words.SECRETS,
                    class_name="mt-4 divide-y divide-line border-t border-line",
                ),
                rx.el.p(
                    words.NO_SECRETS,
                    class_name="mt-4 border-t border-line pt-4 text-sm text-muted",
                ),
            ),
        ),
        description=words.SECRETS_ABOUT,
    )


def secret_deletion() -> rx.Component:
    """Return the question before a secret is deleted."""
    return confirm(
        words.DELETE_SECRET_TITLE + SecretsState.doomed_name + "?",
        rx.cond(
            SecretsState.doomed_uses != "",
            words.DELETE_USED_SECRET + SecretsState.doomed_uses + ".",
            words.DELETE_SECRET_TEXT,
        ),
        verb=words.DELETE,
        is_open=SecretsState.doomed_name != "",
        on_confirm=SecretsState.delete,
        on_close=SecretsState.keep,
    )


def _form() -> rx.Component:
    return rx.el.form(
        text_field(
            "secret_name",
            words.SECRET_NAME,
            default_value=SecretsState.form_name,
            error=SecretsState.errors["secret_name"],
            hint=words.SECRET_NAME_HINT,
            auto_complete="off",
            max_length=100,
        ),
        text_field(
            "secret_value",
            words.SECRET_VALUE,
            type="password",
            error=SecretsState.errors["secret_value"],
            hint=words.SECRET_VALUE_HINT,
            auto_complete="new-password",
        ),
        rx.el.div(
            button(words.STORE_SECRET, type="submit", icon="lock"),
            class_name="flex justify-end sm:col-span-2",
        ),
        on_submit=SecretsState.store,
        key=SecretsState.form_key.to(str),
        no_validate=True,
        class_name="grid gap-4 sm:grid-cols-2",
    )


def _secret(secret: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(
                secret.name,
                " ",
                rx.el.code(secret.reference, class_name="font-mono text-xs text-muted"),
                class_name="text-sm font-medium [overflow-wrap:anywhere]",
            ),
            rx.el.p(
                words.STORED,
                time_ago(at=secret.updated_at, mode=SessionState.times),
                ", ",
                rx.cond(
                    secret.last_used_at != "",
                    rx.fragment(
                        words.USED,
                        time_ago(at=secret.last_used_at, mode=SessionState.times),
                    ),
                    words.NEVER_USED,
                ),
                rx.cond(secret.used_by != "", words.USED_BY + secret.used_by, ""),
                class_name="text-xs text-muted",
            ),
            class_name="min-w-0 flex-1 basis-60",
        ),
        button(
            words.REPLACE,
            size="sm",
            on_click=SecretsState.replace_value(secret.name),
            aria_label=words.REPLACE + " " + secret.name,
        ),
        button(
            words.DELETE,
            size="sm",
            variant="danger",
            on_click=SecretsState.ask_delete(secret.name, secret.used_by),
            aria_label=words.DELETE_SECRET_TITLE + secret.name,
        ),
        key=secret.name,
        class_name="flex flex-wrap items-center gap-3 py-2.5 last:pb-0",
    )
