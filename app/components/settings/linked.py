"""The logins elsewhere that lead to the user's account."""

from typing import Any

import reflex as rx

from app.components.settings import strings as words
from app.components.ui.button import button
from app.components.ui.card import SURFACE, section
from app.components.ui.form import form_error
from app.components.widgets.clock import time_ago
from app.state.linked_logins import LinkedLoginsState
from app.state.session import SessionState


def linked_logins() -> rx.Component:
    """Return the linked logins and those that can be added, or nothing where there are none of either."""
    state = LinkedLoginsState
    return rx.cond(
        (state.rows.length() > 0) | (state.ways.length() > 0),
        section(
            words.LINKED,
            form_error(state.error),
            rx.cond(
                state.rows.length() > 0,
                rx.el.ul(
                    rx.foreach(state.rows, _linked),
                    aria_label=words.LINKED,
                    class_name=f"{SURFACE} mt-3 divide-y divide-line",
                ),
                rx.el.p(words.NO_LINKED, class_name="mt-3 text-sm text-muted"),
            ),
            rx.el.div(
                rx.foreach(state.ways, _way),
                class_name="mt-3 flex flex-wrap gap-2 empty:hidden",
            ),
            description=words.LINKED_ABOUT,
        ),
    )


def _linked(login: Any) -> rx.Component:
    return rx.el.li(
        rx.icon(
            "link",
            size=16,
            aria_hidden="true",
            class_name="shrink-0 text-faint",
        ),
        rx.el.div(
            rx.el.p(login.name, class_name="truncate text-sm font-medium"),
            rx.el.p(
                login.email,
                rx.cond(login.email != "", ", ", ""),
                rx.cond(
                    login.last_used_at != "",
                    rx.fragment(
                        words.USED,
                        time_ago(at=login.last_used_at, mode=SessionState.times),
                    ),
                    words.NEVER_USED,
                ),
                class_name="truncate text-xs text-muted",
            ),
            class_name="min-w-0 flex-1",
        ),
        button(
            words.UNLINK,
            size="sm",
            on_click=LinkedLoginsState.unlink(login.id),
            aria_label=words.UNLINK + " " + login.name,
        ),
        key=login.id,
        class_name="flex items-center gap-3 px-4 py-2.5",
    )


def _way(way: Any) -> rx.Component:
    return button(
        rx.el.span(words.LINK_VERB + way.name, class_name="truncate"),
        icon="plus",
        size="sm",
        href=way.path,
        reloads=True,
        key=way.key,
        class_name="max-w-full",
    )
