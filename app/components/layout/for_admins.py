"""What a page for administrators shows to others, and while it loads."""

import reflex as rx

from app import routes
from app.components.layout import strings
from app.components.ui.button import button
from app.components.ui.empty import empty


def for_admins(
    content: rx.Component,
    *,
    is_refused: rx.Var[bool],
    is_loading: rx.Var[bool],
    loading: rx.Component,
) -> rx.Component:
    """Return the content of a page, or why it is not shown."""
    return rx.cond(
        is_refused,
        empty(
            "lock",
            strings.FOR_ADMINS,
            strings.FOR_ADMINS_TEXT,
            button(strings.GO_HOME, href=routes.DASHBOARD),
        ),
        rx.cond(is_loading, loading, content),
    )
