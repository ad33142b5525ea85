"""Profile, password and appearance."""

from typing import Any

import reflex as rx
from reflex.style import color_mode, set_color_mode

from app.backend.identity.schemas import PASSWORD_LENGTH_MIN
from app.components.settings import strings as words
from app.components.ui.button import button
from app.components.ui.card import card, section
from app.components.ui.form import select_field, text_field
from app.state.session import SessionState
from app.state.settings import SettingsState


def profile() -> rx.Component:
    """Return the form of the profile."""
    return section(
        words.PROFILE,
        card(
            rx.el.form(
                text_field(
                    "email",
                    words.EMAIL,
                    value=SessionState.email,
                    read_only=True,
                    disabled=True,
                ),
                text_field(
                    "display_name",
                    words.DISPLAY_NAME,
                    default_value=SessionState.display_name,
                    key=SessionState.display_name,
                    hint=words.DISPLAY_NAME_HINT,
                    error=SettingsState.errors["display_name"],
                    auto_complete="name",
                    max_length=100,
                ),
                rx.el.div(
                    button(words.SAVE, type="submit", variant="primary"),
                    class_name="flex justify-end sm:col-span-2",
                ),
                on_submit=SettingsState.save_profile,
                no_validate=True,
                class_name="grid gap-4 sm:grid-cols-2",
            )
        ),
    )


def password() -> rx.Component:
    """Return the form of the password, or that there is none."""
    return section(
        words.PASSWORD,
        rx.cond(
            SessionState.has_password,
            _password_form(),
            rx.el.p(words.NO_PASSWORD, class_name="text-sm text-muted"),
        ),
        description=words.PASSWORD_ABOUT,
    )


def _password_form() -> rx.Component:
    return card(
        rx.el.form(
            # Password managers want to know whose password it is.
            rx.el.input(
                type="text",
                name="username",
                tab_index=-1,
                aria_hidden="true",
                class_name="hidden",
                auto_complete="username",
                value=SessionState.email,
                read_only=True,
            ),
            text_field(
                "current",
                words.CURRENT,
                type="password",
                auto_complete="current-password",
                error=SettingsState.errors["current"],
            ),
            text_field(
                "new",
                words.NEW,
                type="password",
                auto_complete="new-password",
                hint=f"At least {PASSWORD_LENGTH_MIN} characters.",
                error=SettingsState.errors["new"],
            ),
            rx.el.div(
                button(words.CHANGE, type="submit"),
                class_name="flex justify-end sm:col-span-2",
            ),
            on_submit=SettingsState.change_password,
            key=SettingsState.password_key.to(str),
            no_validate=True,
            class_name="grid gap-4 sm:grid-cols-2",
        )
    )


def appearance() -> rx.Component:
    """Return the choice of theme, which this browser keeps, and of how times are written."""
    return section(
        words.APPEARANCE,
        card(
            rx.el.fieldset(
                rx.el.legend(words.THEME, class_name="mb-1.5 text-sm font-medium"),
                rx.el.div(
                    *[_theme(value, text, icon) for value, text, icon in words.THEMES],
                    class_name="grid grid-cols-3 gap-2",
                ),
            ),
            select_field(
                "times",
                words.TIMES,
                words.TIMES_CHOICES,
                value=SessionState.times,
                on_change=SettingsState.set_times,
            ),
            class_name="grid gap-4 p-4 sm:grid-cols-2 sm:p-5",
        ),
    )


def _theme(value: Any, text: str, icon: str) -> rx.Component:
    return rx.el.button(
        rx.icon(icon, size=15, aria_hidden="true"),
        text,
        type="button",
        on_click=set_color_mode(value),
        aria_pressed=rx.cond(color_mode == value, "true", "false"),
        class_name="inline-flex h-9 items-center justify-center gap-1.5 rounded-lg border border-line-strong text-sm font-medium "
        "transition-colors duration-100 hover:bg-sunken aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:text-accent",
    )
