"""Signing in: a plain form post, so that the answer's navigation gives the websocket its cookie."""

import reflex as rx

from app import routes
from app.components.layout.shell import bare
from app.components.ui.button import button
from app.components.ui.card import card
from app.components.ui.form import form_error, post_form, text_field
from app.pages._page import page
from app.state.login import LoginState


@page(routes.LOGIN, "Sign in", is_public=True, on_load=[LoginState.load])
def login() -> rx.Component:
    return bare(
        card(
            rx.el.h1("Sign in", tab_index=-1, class_name="mb-4 text-xl font-semibold"),
            post_form(
                form_error(LoginState.error),
                rx.el.input(
                    type="hidden", name="next", value=LoginState.then, read_only=True
                ),
                text_field(
                    "email",
                    "E-mail",
                    type="email",
                    auto_complete="username",
                    required=True,
                    auto_focus=True,
                    default_value=LoginState.email,
                    key=LoginState.email,
                ),
                text_field(
                    "password",
                    "Password",
                    type="password",
                    auto_complete="current-password",
                    required=True,
                ),
                button(
                    "Sign in", type="submit", variant="primary", class_name="w-full"
                ),
                action="/api/auth/login",
                class_name="flex flex-col gap-4",
            ),
            class_name="p-6",
        )
    )
