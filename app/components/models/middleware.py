"""The dialogs of what stands before a model: the list in its order, the types, the form."""

from typing import Any

import reflex as rx

from app.components.models import middleware_strings as words
from app.components.models.setting_field import setting_field
from app.components.ui.badge import badge
from app.components.ui.button import button, icon_button
from app.components.ui.dialog import confirm, dialog, dialog_actions
from app.components.ui.empty import empty
from app.components.ui.form import check_field, form_error, select_field, text_field
from app.state.middleware import DELETE, FORM, LIST, TYPES, MiddlewareState

_state = MiddlewareState


def middleware_dialogs() -> rx.Component:
    """Return the dialogs, of which one is open at most."""
    return rx.fragment(
        dialog(
            words.TITLE,
            rx.cond(_state.step == LIST, _list()),
            is_open=_state.step == LIST,
            on_close=_state.close,
            width="40rem",
        ),
        dialog(
            words.CHOOSE,
            rx.el.ul(
                rx.foreach(_state.tiles, _tile), class_name="grid gap-2 sm:grid-cols-2"
            ),
            dialog_actions(button(words.CANCEL, on_click=_state.back)),
            is_open=_state.step == TYPES,
            on_close=_state.back,
            width="44rem",
        ),
        dialog(
            _state.chosen.label,
            rx.cond(_state.step == FORM, _form()),
            is_open=_state.step == FORM,
            on_close=_state.back,
            width="34rem",
        ),
        confirm(
            words.DELETE_QUESTION + _state.doomed_name + "?",
            words.DELETE_TEXT,
            verb=words.DELETE,
            is_open=_state.step == DELETE,
            on_confirm=_state.delete,
            on_close=_state.back,
        ),
    )


def _list() -> rx.Component:
    return rx.el.div(
        rx.cond(
            _state.models.length() > 1,
            select_field(
                "before",
                words.MODEL,
                rx.foreach(
                    _state.models,
                    lambda name: rx.el.option(name, value=name, key=name),
                ),
                value=_state.model,
                on_change=_state.open,
            ),
            rx.el.p(_state.model, class_name="break-words font-mono text-sm"),
        ),
        rx.cond(
            _state.rows.length() > 0,
            rx.el.div(
                rx.el.p(words.ORDER, class_name="mb-2 text-xs text-muted"),
                rx.el.ol(
                    rx.foreach(_state.rows, _row),
                    aria_label=words.TITLE,
                    class_name="divide-y divide-line rounded-lg border border-line",
                ),
            ),
            empty("layers", words.NOTHING, words.NOTHING_TEXT),
        ),
        dialog_actions(
            button(words.CLOSE, on_click=_state.close),
            button(
                words.ADD, icon="plus", variant="primary", on_click=_state.show_types
            ),
        ),
        class_name="flex flex-col gap-4",
    )


def _row(row: Any) -> rx.Component:
    return rx.el.li(
        rx.el.span(
            row.priority,
            title=words.PRIORITY,
            class_name="w-8 shrink-0 text-end font-mono text-sm text-muted tabular-nums",
        ),
        rx.el.div(
            rx.el.p(
                row.label,
                rx.cond(
                    row.is_critical,
                    badge(words.CRITICAL, tone="warn"),
                ),
                rx.cond(
                    row.is_active,
                    None,
                    badge(words.OFF, icon="power_off"),
                ),
                class_name="flex flex-wrap items-center gap-x-2",
            ),
            class_name="min-w-0 flex-1 text-sm font-medium",
        ),
        rx.cond(
            row.is_active,
            icon_button(
                "power_off",
                words.SWITCH_OFF + row.label,
                on_click=_state.switch(row.id, False),
            ),
            icon_button(
                "power",
                words.SWITCH_ON + row.label,
                on_click=_state.switch(row.id, True),
            ),
        ),
        icon_button("pencil", words.EDIT + row.label, on_click=_state.edit(row.id)),
        icon_button(
            "trash_2",
            words.REMOVE + row.label,
            on_click=_state.ask_delete(row.id, row.label),
        ),
        rx.el.div(
            rx.el.p(row.facts, class_name="text-muted empty:hidden"),
            rx.el.p(row.trouble, class_name="text-bad empty:hidden"),
            class_name="w-full break-words ps-10 text-xs",
        ),
        key=row.id,
        class_name="flex flex-wrap items-center gap-x-2 px-3 py-2",
    )


def _tile(tile: Any) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            rx.el.span(
                tile.priority,
                class_name="w-6 shrink-0 text-end font-mono text-xs text-muted tabular-nums",
            ),
            rx.el.span(
                rx.el.span(tile.label, class_name="block text-sm font-medium"),
                rx.el.span(tile.about, class_name="block text-xs text-muted"),
                class_name="min-w-0",
            ),
            type="button",
            on_click=_state.choose(tile.key),
            class_name="flex h-full w-full items-baseline gap-3 rounded-lg border border-line-strong p-3 text-start transition-colors duration-100 hover:border-accent hover:bg-accent-soft",
        ),
        key=tile.key,
    )


def _form() -> rx.Component:
    values = _state.values
    return rx.el.form(
        rx.el.p(_state.chosen.about, class_name="text-sm text-muted"),
        form_error(_state.errors["form"]),
        rx.foreach(
            _state.fields,
            lambda item: setting_field(item, _state.errors[item.field]),
        ),
        text_field(
            "priority",
            words.PRIORITY,
            hint=words.PRIORITY_HINT,
            error=_state.errors["priority"],
            type="number",
            min=1,
            max=100,
            default_value=values.priority,
        ),
        check_field("is_active", words.ACTIVE, default_checked=values.is_active),
        check_field(
            "is_critical",
            words.CRITICAL,
            hint=words.CRITICAL_HINT,
            default_checked=values.is_critical,
        ),
        dialog_actions(
            button(words.CANCEL, on_click=_state.back),
            button(words.SAVE, type="submit", variant="primary"),
        ),
        on_submit=_state.save,
        key=f"{_state.chosen.key}{values.id}",
        no_validate=True,
        class_name="flex flex-col gap-4",
    )
