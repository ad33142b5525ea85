"""The page for addresses that lead nowhere."""

import reflex as rx

from app import routes
from app.components.layout.shell import bare
from app.components.ui.button import button
from app.pages._page import page


@page("404", "Not found", is_public=True)
def not_found() -> rx.Component:
    return bare(
        rx.el.div(
            rx.el.p("404", class_name="font-mono text-sm text-faint"),
            rx.el.h1(
                "There is nothing here",
                tab_index=-1,
                class_name="mt-1 text-xl font-semibold",
            ),
            rx.el.p(
                "The address is wrong, or what was here is gone or not yours.",
                class_name="mt-1 mb-5 text-muted",
            ),
            button("Go to the dashboard", href=routes.DASHBOARD, variant="primary"),
            class_name="text-center",
        )
    )
