"""The table of what was done, and its filters."""

from typing import Any

import reflex as rx

from app.backend.identity.audit import Action
from app.components.audit import strings as words
from app.components.ui.badge import badge
from app.components.ui.button import button
from app.components.ui.form import CONTROL, search_field
from app.components.ui.table import cell, row, table
from app.components.widgets.clock import time_ago
from app.state.audit import AuditState, words_of
from app.state.session import SessionState

_CONTROL = f"{CONTROL} h-9 sm:w-auto"


def filters() -> rx.Component:
    """Return the filters by person, action, result, object and day."""
    return rx.el.div(
        search_field(
            words.SEARCH,
            default_value=AuditState.wish.email,
            key="who" + AuditState.wish_key.to(str),
            on_change=lambda text: AuditState.want("email", text).debounce(250),
        ),
        rx.el.div(
            rx.el.select(
                rx.el.option(words.ALL_ACTIONS, value=""),
                *[rx.el.option(words_of(action), value=action) for action in Action],
                value=AuditState.wish.action,
                on_change=lambda action: AuditState.want("action", action),
                aria_label=words.ACTION,
                class_name=f"{_CONTROL} pe-8",
            ),
            rx.el.select(
                rx.el.option(words.ALL_RESULTS, value=""),
                *[rx.el.option(text, value=value) for value, text in words.RESULTS],
                value=AuditState.wish.result,
                on_change=lambda result: AuditState.want("result", result),
                aria_label=words.RESULT,
                class_name=f"{_CONTROL} pe-8",
            ),
            rx.el.input(
                type="search",
                aria_label=words.OBJECT,
                placeholder=words.OBJECT,
                default_value=AuditState.wish.object,
                key="object" + AuditState.wish_key.to(str),
                on_change=lambda text: AuditState.want("object", text).debounce(250),
                class_name=f"{_CONTROL} col-span-2 sm:w-56",
            ),
            _day("since", words.SINCE),
            _day("until", words.UNTIL),
            rx.cond(
                AuditState.is_filtered,
                button(
                    words.CLEAR, variant="ghost", icon="x", on_click=AuditState.clear
                ),
            ),
            class_name="grid grid-cols-2 gap-2 sm:flex sm:flex-wrap sm:items-center",
        ),
        class_name="flex flex-col gap-2",
    )


def audit_table() -> rx.Component:
    """Return the table."""
    return table(words.TITLE, words.HEADS, rx.foreach(AuditState.rows, _row))


def _day(name: str, label: str) -> rx.Component:
    return rx.el.input(
        type="date",
        aria_label=label,
        title=label,
        default_value=getattr(AuditState.wish, name),
        key=name + AuditState.wish_key.to(str),
        on_change=lambda day: AuditState.want(name, day),
        class_name=_CONTROL,
    )


def _row(line: Any) -> rx.Component:
    return row(
        cell(
            time_ago(at=line.at, mode=SessionState.times),
            class_name="text-xs whitespace-nowrap text-muted",
        ),
        cell(
            rx.el.span(line.email, class_name="block truncate"),
            class_name="min-w-0 sm:max-w-48",
        ),
        cell(
            line.action,
            rx.cond(
                line.is_refused,
                badge(words.REFUSED_MARK, tone="bad", class_name="ms-2"),
            ),
            class_name="font-medium",
        ),
        cell(
            rx.el.span(line.subject, class_name="block break-words"),
            class_name="min-w-0 text-muted sm:max-w-72",
        ),
        cell(
            line.address,
            title=words.CORRELATION + line.correlation_id,
            class_name="text-xs whitespace-nowrap text-muted",
        ),
        key=line.id,
    )
