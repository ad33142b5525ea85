"""Setting up a second factor before anything else, where the installation asks for one."""

import reflex as rx

from app import routes
from app.components.layout.shell import bare
from app.components.second_factor import strings as words
from app.components.second_factor.panel import panel
from app.components.ui.button import button
from app.components.ui.card import card
from app.components.ui.form import post_form
from app.pages._page import page
from app.state.second_factor import SecondFactorState


@page(
    routes.SECOND_FACTOR,
    words.DEMANDED,
    is_public=True,
    on_load=[SecondFactorState.load],
    on_leave=[SecondFactorState.leave],
)
def second_factor() -> rx.Component:
    return bare(
        card(
            rx.el.h1(words.DEMANDED, tab_index=-1, class_name="text-xl font-semibold"),
            rx.el.p(words.DEMANDED_TEXT, class_name="mt-1 mb-4 text-sm text-muted"),
            panel(),
            rx.cond(
                SecondFactorState.is_on,
                button(
                    words.GO_ON,
                    href=routes.DASHBOARD,
                    reloads=True,
                    variant="primary",
                    class_name="mt-4 w-full",
                ),
                post_form(
                    button(
                        words.SIGN_OUT,
                        type="submit",
                        variant="ghost",
                        class_name="w-full",
                    ),
                    action="/api/auth/logout",
                    class_name="mt-4",
                ),
            ),
            class_name="p-6",
        )
    )
