"""Tiers: the list, and the form of one."""

from typing import Any

import reflex as rx

from app.components.people import strings as words
from app.components.ui.badge import badge
from app.components.ui.button import button, icon_button
from app.components.ui.card import SURFACE
from app.components.ui.counted import counted
from app.components.ui.dialog import confirm, dialog, dialog_actions
from app.components.ui.form import check_field, text_field
from app.state.tiers import NEW, TiersState


def tiers() -> rx.Component:
    """Return the list of tiers with its dialogs."""
    return rx.fragment(
        rx.el.p(words.TIERS_ABOUT, class_name="text-sm text-muted"),
        rx.el.ul(
            rx.foreach(TiersState.rows, _tier),
            aria_label=words.TIERS,
            class_name=f"{SURFACE} divide-y divide-line",
        ),
        _form(),
        confirm(
            words.DELETE_TIER_TITLE + TiersState.doomed_name + "?",
            words.DELETE_TIER_TEXT,
            verb=words.DELETE,
            is_open=TiersState.doomed_id != "",
            on_confirm=TiersState.delete,
            on_close=TiersState.close,
        ),
    )


def new_tier() -> rx.Component:
    """Return the button that asks for a new tier."""
    return button(
        words.NEW_TIER,
        icon="plus",
        variant="primary",
        on_click=TiersState.open_new,
        custom_attrs={"data-key": "n"},
    )


def limit_fields(values: Any, errors: Any, empty: Any) -> rx.Component:
    """Return a field for each limit; `empty` maps their names to what an empty one means."""
    return rx.el.div(
        *[
            text_field(
                name,
                label,
                input_mode="numeric",
                default_value=values[name],
                placeholder=empty[name],
                error=errors[name],
                auto_complete="off",
            )
            for name, label in words.LIMIT_FIELDS
        ],
        class_name="grid gap-4 sm:grid-cols-2",
    )


def _tier(tier: Any) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            rx.el.span(
                rx.el.span(
                    tier.name,
                    rx.cond(
                        tier.is_default,
                        badge(words.DEFAULT, tone="accent", class_name="ms-2"),
                    ),
                    class_name="block truncate font-medium",
                ),
                rx.el.span(tier.limits, class_name="block text-xs text-muted"),
                class_name="min-w-0 flex-1",
            ),
            rx.el.span(
                counted(tier.people, "member"),
                class_name="text-xs whitespace-nowrap text-muted tabular-nums",
            ),
            type="button",
            on_click=TiersState.open(tier.id),
            class_name="flex min-w-0 flex-1 items-center gap-3 rounded text-start hover:text-accent",
        ),
        icon_button(
            "trash_2",
            words.DELETE_TIER_TITLE + tier.name,
            on_click=TiersState.ask_delete(tier.id, tier.name),
            disabled=tier.is_default,
        ),
        key=tier.id,
        class_name="flex items-center gap-2 px-4 py-2.5",
    )


def _form() -> rx.Component:
    state = TiersState
    no_limit = {name: words.NO_LIMIT for name, _ in words.LIMIT_FIELDS}
    return dialog(
        rx.cond(
            state.opened_id == NEW,
            words.NEW_TIER,
            words.CHANGE_TIER + state.values["name"],
        ),
        rx.el.form(
            text_field(
                "name",
                words.TIER_NAME,
                default_value=state.values["name"],
                error=state.errors["name"],
                auto_complete="off",
                auto_focus=True,
                max_length=100,
            ),
            limit_fields(state.values, state.errors, no_limit),
            check_field(
                "is_default",
                words.BE_DEFAULT,
                default_checked=state.is_default,
                disabled=state.is_default,
            ),
            dialog_actions(
                button(words.CANCEL, on_click=state.close),
                button(words.SAVE, type="submit", variant="primary"),
            ),
            on_submit=state.save,
            reset_on_submit=False,
            key=state.opened_id,
            no_validate=True,
            class_name="flex flex-col gap-4",
        ),
        is_open=state.opened_id != "",
        on_close=state.close,
        width="36rem",
    )
