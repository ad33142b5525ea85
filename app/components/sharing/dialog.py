"""The dialog in which an owner says with whom an agent, a collection or a provider is shared."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from app.components.sharing import strings as words
from app.components.ui.button import button, icon_button
from app.components.ui.dialog import dialog, dialog_actions
from app.components.ui.form import CONTROL, form_error, select_field, text_field
from app.state.session import SessionState
from app.state.sharing import AGENT, PROVIDER, SharingState

_KIND = SharingState.kind


def sharing_dialog() -> rx.Component:
    """Return the dialog; it is open while something is being shared."""
    return dialog(
        words.TITLE + SharingState.name,
        rx.el.p(
            _by_kind(words.AGENT_ABOUT, words.PROVIDER_ABOUT, words.COLLECTION_ABOUT),
            class_name="text-sm text-muted",
        ),
        _form(),
        _shares(),
        _by_kind(
            _public(
                words.PUBLIC_SWITCH, words.PUBLIC_ABOUT, on_change=SharingState.publish
            ),
            rx.cond(
                SessionState.is_admin,
                _public(
                    words.ALL_SWITCH,
                    words.ALL_ABOUT,
                    on_change=SharingState.share_with_all,
                ),
            ),
            rx.fragment(),
        ),
        dialog_actions(
            button(words.DONE, variant="primary", on_click=SharingState.close)
        ),
        is_open=SharingState.kind != "",
        on_close=SharingState.close,
        width="34rem",
    )


def _by_kind(of_agent: Any, of_provider: Any, of_collection: Any) -> Any:
    """Return what belongs to the kind of the open dialog."""
    rest = rx.cond(_KIND == PROVIDER, of_provider, of_collection)
    return rx.cond(_KIND == AGENT, of_agent, rest)


def _form() -> rx.Component:
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
                rx.el.div(_groups(), class_name="min-w-0 flex-1 basis-48"),
            ),
            _by_kind(
                select_field("level", words.LEVEL, words.AGENT_LEVELS),
                rx.el.input(type="hidden", name="level", value="run"),
                select_field("level", words.LEVEL, words.COLLECTION_LEVELS),
            ),
            button(words.ADD, type="submit", icon="user_plus", class_name="self-end"),
            class_name="flex flex-wrap items-end gap-3",
        ),
        on_submit=SharingState.share,
        key=SharingState.form_key.to(str),
        no_validate=True,
        class_name="flex flex-col gap-3",
    )


def _groups() -> rx.Component:
    return select_field(
        "group",
        words.GROUP,
        rx.fragment(
            rx.el.option(words.NO_GROUP, value=""),
            rx.foreach(
                SharingState.groups,
                lambda group: rx.el.option(group.name, value=group.id, key=group.id),
            ),
        ),
    )


def _shares() -> rx.Component:
    return rx.el.section(
        rx.el.h3(words.WITH, class_name="text-sm font-medium"),
        rx.cond(
            SharingState.rows.length() > 0,
            rx.el.ul(
                rx.foreach(SharingState.rows, _share),
                aria_label=words.WITH,
                class_name="mt-1 divide-y divide-line",
            ),
            rx.el.p(words.NOBODY, class_name="mt-1 text-sm text-muted"),
        ),
    )


def _share(row: Any) -> rx.Component:
    return rx.el.li(
        rx.cond(row.group_id != "", _icon("users"), _icon("user")),
        rx.el.span(
            row.name, title=row.name, class_name="min-w-0 flex-1 truncate text-sm"
        ),
        rx.el.div(
            _by_kind(
                _level(row, words.AGENT_LEVELS),
                rx.el.span(words.USES, class_name="block text-end text-sm text-muted"),
                _level(row, words.COLLECTION_LEVELS),
            ),
            class_name=_by_kind(
                "w-32 shrink-0 sm:w-44", "shrink-0", "w-32 shrink-0 sm:w-44"
            ),
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


def _public(text: str, about: str, *, on_change: Any) -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="checkbox",
            checked=SharingState.is_public,
            on_change=lambda is_on: on_change(is_on.to(bool)),
            class_name="mt-0.5 size-4 shrink-0 accent-accent",
        ),
        rx.el.span(
            text,
            rx.el.span(about, class_name="block text-xs text-muted"),
            class_name="min-w-0 text-sm",
        ),
        class_name="flex cursor-pointer items-start gap-2.5 border-t border-line pt-4",
    )


def _icon(name: str) -> rx.Component:
    return rx.icon(name, size=15, aria_hidden="true", class_name="shrink-0 text-faint")
