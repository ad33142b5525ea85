"""Choosing a password with a one-time link from an administrator."""

import reflex as rx

from app import routes
from app.backend.identity.schemas import PASSWORD_LENGTH_MIN
from app.components.layout.shell import bare
from app.components.people import strings as words
from app.components.ui.button import button
from app.components.ui.card import card
from app.components.ui.form import form_error, post_form, text_field
from app.pages._page import page
from app.state.login import LoginState


@page(routes.CHOOSE_PASSWORD, words.CHOOSE, is_public=True, on_load=[LoginState.load])
def choose_password() -> rx.Component:
    return bare(
        card(
            rx.el.h1(words.CHOOSE, tab_index=-1, class_name="text-xl font-semibold"),
            rx.el.p(words.CHOOSE_TEXT, class_name="mt-1 mb-4 text-sm text-muted"),
            post_form(
                form_error(LoginState.error),
                rx.el.input(
                    type="hidden", name="token", value=LoginState.token, read_only=True
                ),
                text_field(
                    "password",
                    words.PASSWORD,
                    type="password",
                    auto_complete="new-password",
                    required=True,
                    min_length=PASSWORD_LENGTH_MIN,
                    hint=words.CHOOSE_HINT.format(PASSWORD_LENGTH_MIN),
                    auto_focus=True,
                ),
                button(
                    words.CHOOSE_VERB,
                    type="submit",
                    variant="primary",
                    class_name="w-full",
                ),
                action="/api/auth/choose-password",
                class_name="flex flex-col gap-4",
            ),
            class_name="p-6",
        )
    )
