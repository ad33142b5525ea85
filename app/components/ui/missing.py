"""What stands on a page whose address names nothing that may be seen."""

import reflex as rx

from app.components.ui.button import text_link
from app.components.ui.empty import empty


def missing(
    heading: str, *, icon: str, title: str, text: str, back: str, href: str
) -> rx.Component:
    """Return what is said then; `back` leads to the list at `href`, `heading` is for screen readers."""
    return rx.el.div(
        rx.el.h1(heading, tab_index=-1, class_name="sr-only"),
        empty(icon, title, text, text_link(back, href=href)),
    )
