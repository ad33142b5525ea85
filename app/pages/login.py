"""Signing in: a plain form post, so that the answer's navigation gives the websocket its cookie."""

import reflex as rx

from app import routes
from app.components.entry import strings as words
from app.components.entry.form import email_field, entry, said
from app.components.outside_ways import outside_ways
from app.components.ui.button import button, text_link
from app.components.ui.form import form_error, post_form, text_field
from app.pages._page import page
from app.state.login import LoginState
from app.state.login_ways import LoginWaysState
from app.state.sign_up import SignUpState


@page(
    routes.LOGIN,
    words.SIGN_IN,
    is_public=True,
    on_load=[LoginState.load, SignUpState.load, LoginWaysState.load],
)
def login() -> rx.Component:
    return entry(
        words.SIGN_IN,
        post_form(
            rx.cond(LoginState.is_done, said(words.SIGNED_UP)),
            rx.cond(SignUpState.has_owner, None, said(words.NO_OWNER)),
            form_error(LoginState.error),
            rx.el.input(
                type="hidden", name="next", value=LoginState.then, read_only=True
            ),
            email_field(takes_names=LoginWaysState.takes_names),
            text_field(
                "password",
                words.PASSWORD,
                type="password",
                auto_complete="current-password",
                required=True,
            ),
            button(
                words.SIGN_IN, type="submit", variant="primary", class_name="w-full"
            ),
            action="/api/auth/login",
            class_name="flex flex-col gap-4",
        ),
        _other_ways(),
        outside_ways(),
    )


def _other_ways() -> rx.Component:
    return rx.el.div(
        text_link(words.FORGOT, href=routes.FORGOT_PASSWORD),
        rx.cond(
            SignUpState.is_open, text_link(words.SIGN_UP, href=routes.SIGN_UP), None
        ),
        class_name="mt-4 flex flex-wrap justify-between gap-2 text-sm",
    )
