"""Asking for a new password by mail."""

import reflex as rx

from app import routes
from app.components.entry import strings as words
from app.components.entry.form import back, email_field, entry, said
from app.components.ui.button import button
from app.components.ui.form import form_error, post_form
from app.pages._page import page
from app.state.login import LoginState
from app.state.sign_up import SignUpState


@page(
    routes.FORGOT_PASSWORD,
    words.FORGOT,
    is_public=True,
    on_load=[LoginState.load, SignUpState.load],
)
def forgot_password() -> rx.Component:
    return entry(
        words.FORGOT,
        rx.cond(
            LoginState.is_done,
            said(words.SENT),
            rx.cond(SignUpState.has_mail, _form(), said(words.NO_MAIL)),
        ),
        back(),
    )


def _form() -> rx.Component:
    return post_form(
        form_error(LoginState.error),
        rx.el.p(words.FORGOT_TEXT, class_name="text-sm text-muted"),
        email_field(),
        button(
            words.FORGOT_VERB, type="submit", variant="primary", class_name="w-full"
        ),
        action="/api/auth/forgot-password",
        class_name="flex flex-col gap-4",
    )
