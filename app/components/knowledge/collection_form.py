"""The dialog with a collection's name, description and embedding model."""

from typing import Any

import reflex as rx

from app.components.knowledge import strings as words
from app.components.ui.button import button
from app.components.ui.dialog import dialog, dialog_actions
from app.components.ui.form import area_field, select_field, text_field


def collection_form(
    title: str,
    *,
    values: Any,
    state: Any,
    verb: str,
    is_open: Any,
    on_submit: Any,
) -> rx.Component:
    """Return the dialog; `values` are those of a collection, and `state` has the embedding models, the errors, and closes it."""
    errors, on_close = state.errors, state.close_form
    return dialog(
        title,
        rx.el.form(
            text_field(
                "name",
                words.NAME,
                default_value=values.name,
                error=errors["name"],
                auto_focus=True,
                auto_complete="off",
            ),
            area_field(
                "description",
                words.DESCRIPTION,
                default_value=values.description,
                error=errors["description"],
                hint=words.DESCRIPTION_HINT,
                rows="3",
            ),
            rx.cond(
                state.embedders.length() > 1,
                select_field(
                    "embedding_model",
                    words.EMBEDDER,
                    rx.foreach(
                        state.embedders,
                        lambda one: rx.el.option(one, value=one, key=one),
                    ),
                    default_value=values.embedding_model,
                    hint=words.EMBEDDER_HINT,
                    error=errors["embedding_model"],
                ),
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
