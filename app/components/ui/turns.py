"""Buttons that turn the pages of a long list."""

from typing import Any

import reflex as rx

from app.components.ui.button import button


def turns(*, is_later: Any, has_older: Any, on_turn: Any) -> rx.Component:
    """Return "Newest" on a later page, and "Older" while there are more; `on_turn` gets the word."""
    return rx.cond(
        is_later | has_older,
        rx.el.nav(
            rx.cond(
                is_later,
                button("Newest", icon="chevrons_left", on_click=on_turn("newest")),
            ),
            rx.cond(
                has_older,
                button("Older", icon="chevron_right", on_click=on_turn("older")),
            ),
            aria_label="Pages",
            class_name="flex flex-wrap justify-center gap-2",
        ),
    )
