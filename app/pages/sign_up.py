"""Making an account for oneself, where the installation allows it."""

import reflex as rx

from app import routes
from app.backend.identity.schemas import PASSWORD_LENGTH_MIN
from app.components.entry import strings as words
from app.components.entry.form import back, email_field, entry, said
from app.components.ui.button import button
from app.components.ui.form import form_error, post_form, text_field
from app.pages._page import page
from app.state.login import LoginState
from app.state.sign_up import SignUpState


@page(
    routes.SIGN_UP,
    words.SIGN_UP,
    is_public=True,
    on_load=[LoginState.load, SignUpState.load],
)
def sign_up() -> rx.Component:
    return entry(
        words.SIGN_UP,
        rx.cond(
            LoginState.is_done,
            said(words.SENT),
            rx.cond(SignUpState.is_closed, said(words.SIGN_UP_CLOSED), _form()),
        ),
        back(),
    )


def _form() -> rx.Component:
    return post_form(
        form_error(LoginState.error),
        rx.el.p(
            rx.cond(SignUpState.has_mail, words.SIGN_UP_MAIL, words.SIGN_UP_TEXT),
            class_name="text-sm text-muted",
        ),
        rx.cond(
            SignUpState.domains != "",
            rx.el.p(
                words.SIGN_UP_DOMAINS,
                SignUpState.domains,
                ".",
                class_name="text-sm text-muted",
            ),
        ),
        email_field(),
        rx.cond(
            SignUpState.has_mail,
            None,
            text_field(
                "password",
                words.PASSWORD,
                type="password",
                auto_complete="new-password",
                min_length=PASSWORD_LENGTH_MIN,
                hint=words.PASSWORD_HINT.format(PASSWORD_LENGTH_MIN),
            ),
        ),
        button(
            words.SIGN_UP_VERB, type="submit", variant="primary", class_name="w-full"
        ),
        action="/api/auth/signup",
        class_name="flex flex-col gap-4",
    )
