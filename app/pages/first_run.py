"""Creating the owner account from the one-time link."""

import reflex as rx

from app import routes
from app.backend.identity.schemas import PASSWORD_LENGTH_MIN
from app.components.layout.shell import bare
from app.components.ui.button import button
from app.components.ui.card import card
from app.components.ui.form import form_error, post_form, text_field
from app.pages._page import page
from app.state.login import LoginState


@page(
    routes.FIRST_RUN, "Create your account", is_public=True, on_load=[LoginState.load]
)
def first_run() -> rx.Component:
    return bare(
        card(
            rx.el.h1(
                "Create your account", tab_index=-1, class_name="text-xl font-semibold"
            ),
            rx.el.p(
                "You will own this installation. Nothing leaves this machine.",
                class_name="mt-1 mb-4 text-sm text-muted",
            ),
            post_form(
                form_error(LoginState.error),
                rx.el.input(
                    type="hidden", name="token", value=LoginState.token, read_only=True
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
                    auto_complete="new-password",
                    required=True,
                    min_length=PASSWORD_LENGTH_MIN,
                    hint=f"At least {PASSWORD_LENGTH_MIN} characters. A sentence is good.",
                ),
                button(
                    "Create account",
                    type="submit",
                    variant="primary",
                    class_name="w-full",
                ),
                action="/api/auth/first-run",
                class_name="flex flex-col gap-4",
            ),
            class_name="p-6",
        )
    )
