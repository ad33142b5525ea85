"""The services that one can sign in with, as plain links that the browser follows by itself."""

from typing import Any

import reflex as rx

from app import routes
from app.components.ui.button import button, text_link
from app.state.login_ways import LoginWaysState

SIGN_IN_WITH = "Sign in with "
OR = "or"
OTHER_WAYS = "Other ways to sign in"


def outside_ways() -> rx.Component:
    """Return the links of the login page, or nothing; without scripts a link to a plain page that has them."""
    return rx.fragment(_links(), rx.el.noscript(_plain()))


def _plain() -> rx.Component:
    return rx.el.p(
        text_link(OTHER_WAYS, href=routes.LOGIN_WAYS),
        class_name="mt-4 text-center text-sm",
    )


def _links() -> rx.Component:
    return rx.cond(
        LoginWaysState.rows.length() > 0,
        rx.el.div(
            rx.el.p(OR, class_name="text-center text-xs text-muted"),
            rx.foreach(LoginWaysState.rows, _way),
            class_name="mt-4 flex flex-col gap-3",
        ),
    )


def _way(way: Any) -> rx.Component:
    return button(
        rx.el.span(SIGN_IN_WITH + way.name, class_name="truncate"),
        href=way.path,
        reloads=True,
        key=way.key,
        class_name="w-full min-w-0",
    )
