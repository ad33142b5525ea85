"""Groups: the list, a new one, and who is in one."""

from typing import Any

import reflex as rx

from app.components.people import strings as words
from app.components.ui.button import button, icon_button
from app.components.ui.card import SURFACE
from app.components.ui.counted import counted
from app.components.ui.dialog import confirm, dialog, dialog_actions
from app.components.ui.empty import empty
from app.components.ui.form import text_field
from app.state.groups import GroupsState


def groups() -> rx.Component:
    """Return the list of groups with its dialogs."""
    return rx.fragment(
        rx.cond(
            GroupsState.rows.length() > 0,
            rx.el.ul(
                rx.foreach(GroupsState.rows, _group),
                aria_label=words.GROUPS,
                class_name=f"{SURFACE} divide-y divide-line",
            ),
            empty("users", words.NO_GROUPS, words.NO_GROUPS_TEXT, new_group()),
        ),
        _form(),
        _members(),
        confirm(
            words.DELETE_GROUP_TITLE + GroupsState.doomed_name + "?",
            words.DELETE_GROUP_TEXT,
            verb=words.DELETE,
            is_open=GroupsState.doomed_id != "",
            on_confirm=GroupsState.delete,
            on_close=GroupsState.close,
        ),
    )


def new_group() -> rx.Component:
    """Return the button that asks for a new group."""
    return button(
        words.NEW_GROUP,
        icon="plus",
        variant="primary",
        on_click=GroupsState.open_form,
        custom_attrs={"data-key": "n"},
    )


def _group(group: Any) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            rx.el.span(group.name, class_name="min-w-0 flex-1 truncate font-medium"),
            rx.el.span(
                counted(group.members, "member"),
                class_name="text-xs text-muted tabular-nums",
            ),
            type="button",
            on_click=GroupsState.open(group.id, group.name),
            class_name="flex min-w-0 flex-1 items-center gap-3 rounded text-start hover:text-accent",
        ),
        icon_button(
            "trash_2",
            words.DELETE_GROUP_TITLE + group.name,
            on_click=GroupsState.ask_delete(group.id, group.name),
        ),
        key=group.id,
        class_name="flex items-center gap-2 px-4 py-2.5",
    )


def _form() -> rx.Component:
    return dialog(
        words.NEW_GROUP,
        rx.el.form(
            text_field(
                "name",
                words.GROUP_NAME,
                error=GroupsState.errors["name"],
                auto_complete="off",
                auto_focus=True,
                max_length=100,
            ),
            dialog_actions(
                button(words.CANCEL, on_click=GroupsState.close),
                button(words.MAKE_GROUP, type="submit", variant="primary"),
            ),
            on_submit=GroupsState.create,
            no_validate=True,
            class_name="flex flex-col gap-4",
        ),
        is_open=GroupsState.is_adding,
        on_close=GroupsState.close,
    )


def _members() -> rx.Component:
    return dialog(
        words.GROUP + GroupsState.opened_name,
        _rename(),
        rx.cond(
            GroupsState.members.length() > 0,
            rx.el.ul(
                rx.foreach(GroupsState.members, _member),
                aria_label=words.MEMBERS,
                class_name="divide-y divide-line",
            ),
            rx.el.p(words.NO_MEMBERS, class_name="text-sm text-muted"),
        ),
        rx.el.form(
            rx.el.div(
                text_field(
                    "email",
                    words.ADD_PERSON,
                    type="email",
                    error=GroupsState.errors["email"],
                    auto_complete="off",
                ),
                class_name="min-w-0 flex-1",
            ),
            button(
                words.ADD, type="submit", icon="user_plus", class_name="mt-[1.625rem]"
            ),
            on_submit=GroupsState.add_member,
            key=GroupsState.form_key.to(str),
            no_validate=True,
            class_name="flex items-start gap-2",
        ),
        dialog_actions(
            button(words.DONE, variant="primary", on_click=GroupsState.close)
        ),
        is_open=GroupsState.opened_id != "",
        on_close=GroupsState.close,
    )


def _rename() -> rx.Component:
    return rx.el.form(
        rx.el.div(
            text_field(
                "name",
                words.GROUP_NAME,
                default_value=GroupsState.opened_name,
                error=GroupsState.errors["name"],
                auto_complete="off",
                max_length=100,
            ),
            class_name="min-w-0 flex-1",
        ),
        button(words.RENAME, type="submit", class_name="mt-[1.625rem]"),
        on_submit=GroupsState.rename,
        reset_on_submit=False,
        key=GroupsState.opened_id + GroupsState.opened_name,
        no_validate=True,
        class_name="flex items-start gap-2",
    )


def _member(member: Any) -> rx.Component:
    return rx.el.li(
        rx.el.span(
            member.email,
            title=member.email,
            class_name="min-w-0 flex-1 truncate text-sm",
        ),
        icon_button(
            "x",
            words.TAKE_OUT + member.email,
            on_click=GroupsState.remove_member(member.id),
        ),
        key=member.id,
        class_name="flex items-center gap-2 py-1.5",
    )
