"""Whose something is, and for whom it is."""

from typing import Any

import reflex as rx

from app.components.sharing import strings as words
from app.components.ui.badge import badge


def share_badges(item: Any, *, class_name: str = "") -> rx.Component:
    """Return what is special about an item with `is_own`, `is_public` and `owner_name`; mostly nothing."""
    return rx.fragment(
        rx.cond(
            item.is_public,
            badge(words.PUBLIC, icon="globe", class_name=class_name),
            rx.cond(
                ~item.is_own,
                badge(words.WITH_YOU, icon="users", class_name=class_name),
            ),
        ),
        rx.cond(
            ~item.is_own,
            badge(words.BY + item.owner_name, icon="user", class_name=class_name),
        ),
    )
