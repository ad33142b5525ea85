"""What the pages that need no login share."""

from typing import Any

import reflex as rx

from app import routes
from app.components.entry import strings as words
from app.components.layout.shell import bare
from app.components.ui.button import text_link
from app.components.ui.card import card
from app.components.ui.form import text_field
from app.state.login import LoginState


def entry(title: str, *children: Any) -> rx.Component:
    """Return a page with one card."""
    return bare(
        card(
            rx.el.h1(title, tab_index=-1, class_name="mb-4 text-xl font-semibold"),
            *children,
            class_name="p-6",
        )
    )


def email_field(*, takes_names: Any = False) -> rx.Component:
    """Return the field of one's own address, or of a name in the directory."""
    return text_field(
        "email",
        rx.cond(takes_names, words.EMAIL_OR_NAME, words.EMAIL),
        type=rx.cond(takes_names, "text", "email"),
        auto_complete="username",
        required=True,
        auto_focus=True,
        default_value=LoginState.email,
        key=LoginState.email,
    )


def said(text: Any) -> rx.Component:
    """Return what was done, where a form would be."""
    return rx.el.p(text, role="status", class_name="text-sm")


def back() -> rx.Component:
    """Return the way back to the login page."""
    return rx.el.p(
        text_link(words.BACK, href=routes.LOGIN),
        class_name="mt-4 text-center text-sm",
    )
