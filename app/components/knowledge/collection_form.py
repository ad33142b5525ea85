"""The dialog with a collection's name and description."""

from typing import Any

import reflex as rx

from app.components.knowledge import strings as words
from app.components.ui.button import button
from app.components.ui.dialog import dialog, dialog_actions
from app.components.ui.form import area_field, text_field


def collection_form(
    title: str,
    *,
    name: Any,
    description: Any,
    errors: Any,
    verb: str,
    is_open: Any,
    on_submit: Any,
    on_close: Any,
) -> rx.Component:
    """Return the dialog."""
    return dialog(
        title,
        rx.el.form(
            text_field(
                "name",
                words.NAME,
                default_value=name,
                error=errors["name"],
                auto_focus=True,
                auto_complete="off",
            ),
            area_field(
                "description",
                words.DESCRIPTION,
                default_value=description,
                error=errors["description"],
                hint=words.DESCRIPTION_HINT,
                rows="3",
            ),
            dialog_actions(
                button(words.CANCEL, on_click=on_close),
                button(verb, type="submit", variant="primary"),
            ),
            on_submit=on_submit,
            no_validate=True,
            class_name="flex flex-col gap-4",
        ),
        is_open=is_open,
        on_close=on_close,
    )
