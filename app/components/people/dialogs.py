"""The invitation, and the link that is shown once."""

import reflex as rx

from app.components.people import strings as words
from app.components.ui.button import button
from app.components.ui.dialog import dialog, dialog_actions
from app.components.ui.form import CONTROL, select_field, text_field
from app.state.people import PeopleState


def invitation() -> rx.Component:
    """Return the form of an invitation."""
    return dialog(
        words.INVITE_TITLE,
        rx.el.form(
            rx.el.p(words.INVITE_TEXT, class_name="text-sm text-muted"),
            text_field(
                "email",
                words.EMAIL,
                type="email",
                error=PeopleState.errors["email"],
                auto_complete="off",
                auto_focus=True,
            ),
            select_field("role", words.ROLE, words.ROLES, hint=words.ROLES_ABOUT),
            dialog_actions(
                button(words.CANCEL, on_click=PeopleState.close),
                button(words.MAKE_LINK, type="submit", variant="primary"),
            ),
            on_submit=PeopleState.invite,
            no_validate=True,
            class_name="flex flex-col gap-4",
        ),
        is_open=PeopleState.is_inviting,
        on_close=PeopleState.close,
    )


def fresh_link() -> rx.Component:
    """Return the link that was just made."""
    return dialog(
        words.LINK_TITLE + PeopleState.link_email,
        rx.el.p(
            rx.cond(PeopleState.is_link_sent, words.LINK_SENT, ""),
            words.LINK_TEXT,
            class_name="text-sm text-muted",
        ),
        rx.el.input(
            value=PeopleState.link,
            read_only=True,
            aria_label=words.LINK_LABEL,
            class_name=f"{CONTROL} h-9 font-mono text-xs select-all",
        ),
        dialog_actions(
            button(
                words.COPY,
                icon="copy",
                on_click=rx.set_clipboard(PeopleState.link),
                auto_focus=True,
            ),
            button(words.DONE, variant="primary", on_click=PeopleState.close),
        ),
        is_open=PeopleState.link != "",
        on_close=PeopleState.close,
    )
