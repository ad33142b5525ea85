"""The second factor at sign-in: a plain form post after that of the password."""

import reflex as rx

from app import routes
from app.components.layout.shell import bare
from app.components.second_factor import strings as words
from app.components.ui.button import button, text_link
from app.components.ui.card import card
from app.components.ui.form import form_error, post_form, text_field
from app.pages._page import page
from app.state.login import LoginState


@page(routes.LOGIN_CODE, words.LOGIN, is_public=True, on_load=[LoginState.load])
def login_code() -> rx.Component:
    return bare(
        card(
            rx.el.h1(words.LOGIN, tab_index=-1, class_name="text-xl font-semibold"),
            rx.el.p(words.LOGIN_TEXT, class_name="mt-1 mb-4 text-sm text-muted"),
            post_form(
                form_error(LoginState.error),
                rx.el.input(
                    type="hidden", name="next", value=LoginState.then, read_only=True
                ),
                text_field(
                    "code",
                    words.CODE,
                    auto_complete="one-time-code",
                    required=True,
                    auto_focus=True,
                    max_length=40,
                    spell_check=False,
                    hint=words.LOGIN_HINT,
                ),
                button(
                    words.LOGIN_VERB,
                    type="submit",
                    variant="primary",
                    class_name="w-full",
                ),
                action="/api/auth/login-code",
                class_name="flex flex-col gap-4",
            ),
            rx.el.p(
                text_link(words.OTHER_ACCOUNT, href=routes.LOGIN, class_name="text-sm"),
                class_name="mt-4 text-center",
            ),
            class_name="p-6",
        )
    )
