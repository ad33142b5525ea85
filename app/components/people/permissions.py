"""The dialog with what one person may do."""

from typing import Any

import reflex as rx

from app.components.people import strings as words
from app.components.ui.badge import badge
from app.components.ui.button import button
from app.components.ui.dialog import dialog, dialog_actions
from app.components.ui.form import check_field
from app.state.permissions import PermissionsState


def permissions() -> rx.Component:
    """Return the dialog; it is open while somebody's permissions are shown."""
    return dialog(
        words.PERMISSIONS_OF + PermissionsState.email,
        rx.el.form(
            rx.el.p(words.PERMISSIONS_TEXT, class_name="text-sm text-muted"),
            rx.el.div(
                rx.foreach(PermissionsState.choices, _choice),
                class_name="grid gap-2 sm:grid-cols-2",
            ),
            dialog_actions(
                button(words.CANCEL, on_click=PermissionsState.close),
                button(words.SAVE, type="submit", variant="primary"),
            ),
            on_submit=PermissionsState.save,
            class_name="flex flex-col gap-4",
        ),
        is_open=PermissionsState.user_id != "",
        on_close=PermissionsState.close,
        width="40rem",
    )


def _choice(choice: Any) -> rx.Component:
    return check_field(
        choice.field,
        rx.fragment(
            choice.label,
            rx.cond(
                choice.differs,
                badge(words.DIFFERS, tone="accent", class_name="ms-2"),
            ),
        ),
        default_checked=choice.has,
        key=choice.field,
    )
