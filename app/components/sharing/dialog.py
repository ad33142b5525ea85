"""The dialog in which an owner says with whom an agent or a collection is shared."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from app.components.sharing import strings as words
from app.components.ui.button import button, icon_button
from app.components.ui.dialog import dialog, dialog_actions
from app.components.ui.form import CONTROL, form_error, select_field, text_field
from app.state.sharing import AGENT, SharingState


def sharing_dialog() -> rx.Component:
    """Return the dialog; it is open while something is being shared."""
    is_agent = SharingState.kind == AGENT
    return dialog(
        words.TITLE + SharingState.name,
        rx.el.p(
            rx.cond(is_agent, words.AGENT_ABOUT, words.COLLECTION_ABOUT),
            class_name="text-sm text-muted",
        ),
        _form(is_agent),
        _shares(is_agent),
        rx.cond(is_agent, _public()),
        dialog_actions(
            button(words.DONE, variant="primary", on_click=SharingState.close)
        ),
        is_open=SharingState.kind != "",
        on_close=SharingState.close,
        width="34rem",
    )


def _form(is_agent: Any) -> rx.Component:
    return rx.el.form(
        form_error(SharingState.errors["form"]),
        text_field(
            "email",
            words.PERSON,
            type="email",
            hint=words.PERSON_HINT,
            error=SharingState.errors["email"],
            auto_complete="off",
            auto_focus=True,
        ),
        rx.el.div(
            rx.cond(
                SharingState.groups.length() > 0,
                select_field(
                    "group",
                    words.GROUP,
                    rx.fragment(
                        rx.el.option(words.NO_GROUP, value=""),
                        rx.foreach(
                            SharingState.groups,
                            lambda group: rx.el.option(
                                group.name, value=group.id, key=group.id
                            ),
                        ),
                    ),
                ),
            ),
            rx.cond(
                is_agent,
                select_field("level", words.LEVEL, words.AGENT_LEVELS),
                select_field("level", words.LEVEL, words.COLLECTION_LEVELS),
            ),
            button(words.ADD, type="submit", icon="user_plus", class_name="self-end"),
            class_name="flex flex-wrap items-start gap-3",
        ),
        on_submit=SharingState.share,
        key=SharingState.form_key.to(str),
        no_validate=True,
        class_name="flex flex-col gap-3",
    )


def _shares(is_agent: Any) -> rx.Component:
    return rx.el.section(
        rx.el.h3(words.WITH, class_name="text-sm font-medium"),
        rx.cond(
            SharingState.rows.length() > 0,
            rx.el.ul(
                rx.foreach(SharingState.rows, lambda row: _share(row, is_agent)),
                aria_label=words.WITH,
                class_name="mt-1 divide-y divide-line",
            ),
            rx.el.p(words.NOBODY, class_name="mt-1 text-sm text-muted"),
        ),
    )


def _share(row: Any, is_agent: Any) -> rx.Component:
    return rx.el.li(
        rx.cond(row.group_id != "", _icon("users"), _icon("user")),
        rx.el.span(row.name, class_name="min-w-0 flex-1 truncate text-sm"),
        rx.el.div(
            rx.cond(
                is_agent,
                _level(row, words.AGENT_LEVELS),
                _level(row, words.COLLECTION_LEVELS),
            ),
            class_name="w-32 shrink-0 sm:w-44",
        ),
        icon_button(
            "x", words.REMOVE + row.name, on_click=SharingState.unshare(row.id)
        ),
        key=row.id,
        class_name="flex items-center gap-2 py-1.5",
    )


def _level(row: Any, levels: Sequence[tuple[str, str]]) -> rx.Component:
    return rx.el.select(
        *[rx.el.option(text, value=value) for value, text in levels],
        value=row.level,
        on_change=lambda level: SharingState.set_level(row.id, level),
        aria_label=words.LEVEL_OF + row.name,
        class_name=f"{CONTROL} h-8 pe-8 text-sm",
    )


def _public() -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="checkbox",
            checked=SharingState.is_public,
            on_change=lambda is_on: SharingState.publish(is_on.to(bool)),
            class_name="mt-0.5 size-4 shrink-0 accent-accent",
        ),
        rx.el.span(
            words.PUBLIC_SWITCH,
            rx.el.span(words.PUBLIC_ABOUT, class_name="block text-xs text-muted"),
            class_name="min-w-0 text-sm",
        ),
        class_name="flex cursor-pointer items-start gap-2.5 border-t border-line pt-4",
    )


def _icon(name: str) -> rx.Component:
    return rx.icon(name, size=15, aria_hidden="true", class_name="shrink-0 text-faint")
