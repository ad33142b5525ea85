"""The frame: places to go, the content, shortcuts."""

from typing import Any, Literal

import reflex as rx

from app import routes
from app.components.layout import strings
from app.components.layout.sidebar import bottom_bar, logo, sidebar, theme_button
from app.components.layout.topbar import mobile_bar
from app.components.ui.button import PlainLink, button
from app.components.ui.skeleton import skeleton, skeleton_rows
from app.components.widgets.clock import pulse
from app.components.widgets.page import shortcuts
from app.state.session import SessionState

Width = Literal["narrow", "normal", "wide"]

_WIDTHS: dict[Width, str] = {
    "narrow": "max-w-3xl",
    "normal": "max-w-5xl",
    "wide": "max-w-7xl",
}
_PLACES = {
    "d": [routes.DASHBOARD, strings.DASHBOARD],
    "a": [routes.AGENTS, strings.AGENTS],
    "r": [routes.RUNS, strings.RUNS],
    "k": [routes.KNOWLEDGE, strings.KNOWLEDGE],
    "s": [routes.SETTINGS, strings.SETTINGS],
}
# A login that was ended elsewhere leaves open pages within five seconds.
_LOGIN_CHECK_SECONDS = 4.0
_ACTIONS = {"n": strings.NEW, "/": strings.SEARCH}


def shell(
    *children: Any, here: str, width: Width = "normal", is_busy: bool = False
) -> rx.Component:
    """Return a page within the frame; `here` is the place it belongs to."""
    return rx.el.div(
        _skip_link(),
        sidebar(here),
        rx.el.div(
            mobile_bar(),
            rx.cond(SessionState.is_reading, _reading()),
            rx.el.main(
                *children,
                id="content",
                tab_index=-1,
                aria_busy="true" if is_busy else None,
                class_name=f"mx-auto w-full outline-none {_WIDTHS[width]} px-4 pt-5 pb-24 sm:px-6 md:pt-8 md:pb-16",
            ),
            class_name="relative min-w-0 flex-1",
        ),
        bottom_bar(here),
        # Nothing is there yet that a key could reach.
        None
        if is_busy
        else rx.fragment(
            shortcuts(places=_PLACES, actions=_ACTIONS, words=strings.SHORTCUT_WORDS),
            pulse(seconds=_LOGIN_CHECK_SECONDS, on_pulse=SessionState.stay),
        ),
        class_name="flex min-h-dvh flex-col bg-canvas text-ink md:flex-row",
    )


def _reading() -> rx.Component:
    return rx.el.div(
        rx.icon("eye", size=16, aria_hidden="true", class_name="shrink-0"),
        rx.el.p(
            strings.READING,
            rx.el.strong(SessionState.email, class_name="break-all"),
            class_name="min-w-0 flex-1",
        ),
        button(strings.STOP_READING, size="sm", on_click=SessionState.stop_reading),
        role="status",
        class_name="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line bg-warn-soft px-4 py-2 text-sm sm:px-6",
    )


def bare(*children: Any) -> rx.Component:
    """Return a page without places to go: login, first run."""
    return rx.el.div(
        rx.el.div(theme_button(), class_name="absolute end-4 top-4"),
        rx.el.main(
            rx.el.div(logo(), class_name="mb-6 flex justify-center"),
            *children,
            class_name="w-full max-w-sm",
        ),
        class_name="flex min-h-dvh items-center justify-center bg-canvas px-4 py-10 text-ink",
    )


def loading() -> rx.Component:
    """Return the first paint of an address that no page has: the frame around grey."""
    return shell(
        skeleton("mb-6 h-7 w-48"), skeleton_rows(3, "h-24"), here="", is_busy=True
    )


def _skip_link() -> rx.Component:
    # The router would move no focus.
    return PlainLink.create(
        strings.SKIP,
        href="#content",
        class_name="sr-only focus:not-sr-only focus:fixed focus:start-3 focus:top-3 focus:z-50 focus:rounded-lg focus:bg-accent "
        "focus:px-3 focus:py-2 focus:text-accent-ink",
    )
