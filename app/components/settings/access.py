"""Where one is signed in."""

from typing import Any

import reflex as rx

from app.components.settings import strings as words
from app.components.ui.badge import badge
from app.components.ui.button import button
from app.components.ui.card import SURFACE, section
from app.components.widgets.clock import time_ago
from app.state.session import SessionState
from app.state.settings import SettingsState


def logins() -> rx.Component:
    """Return the devices on which the user is signed in."""
    return section(
        words.LOGINS,
        rx.el.ul(
            rx.foreach(SettingsState.logins, _login),
            aria_label=words.LOGINS,
            class_name=f"{SURFACE} divide-y divide-line",
        ),
        description=words.LOGINS_ABOUT,
        actions=rx.cond(
            SettingsState.logins.length() > 1,
            button(words.END_OTHERS, size="sm", on_click=SettingsState.end_others),
        ),
    )


def _login(login: Any) -> rx.Component:
    return rx.el.li(
        rx.icon(
            "monitor_smartphone",
            size=16,
            aria_hidden="true",
            class_name="shrink-0 text-faint",
        ),
        rx.el.div(
            rx.el.p(login.device, class_name="truncate text-sm font-medium"),
            rx.el.p(
                words.SIGNED_IN,
                time_ago(at=login.created_at, mode=SessionState.times),
                rx.cond(login.address != "", words.FROM + login.address, ""),
                words.SEEN,
                time_ago(at=login.last_seen_at, mode=SessionState.times),
                class_name="text-xs text-muted",
            ),
            class_name="min-w-0 flex-1",
        ),
        rx.cond(
            login.is_current,
            badge(words.THIS_DEVICE, tone="accent"),
            button(
                words.END,
                size="sm",
                on_click=SettingsState.end_login(login.id),
                aria_label=words.END + ": " + login.device,
            ),
        ),
        key=login.id,
        class_name="flex items-center gap-3 px-4 py-2.5",
    )
