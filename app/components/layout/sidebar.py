"""Where to go: a column on wide screens, a bar at the bottom on narrow ones."""

from typing import Any

import reflex as rx

from app import routes
from app.components.layout import strings
from app.components.ui.button import icon_button
from app.components.ui.form import post_form
from app.state.session import SessionState

PLACES = (
    (strings.DASHBOARD, "layout_dashboard", routes.DASHBOARD),
    (strings.AGENTS, "bot", routes.AGENTS),
    (strings.RUNS, "activity", routes.RUNS),
    (strings.KNOWLEDGE, "book_open", routes.KNOWLEDGE),
    (strings.SETTINGS, "settings", routes.SETTINGS),
)
# A narrow screen reaches them from the settings.
WIDE_PLACES = (
    (strings.MODELS, "sparkles", routes.MODELS),
    (strings.USAGE, "coins", routes.USAGE),
)
# A narrow screen has room for the first of them; it leads to the others.
ADMIN_PLACES = (
    (strings.SYSTEM, "server", routes.SYSTEM),
    (strings.PEOPLE, "users", routes.PEOPLE),
    (strings.AUDIT, "scroll_text", routes.AUDIT),
)


def logo() -> rx.Component:
    """Return the product's mark and name."""
    return rx.el.span(
        rx.el.img(
            src="/favicon.svg", alt="", width="24", height="24", class_name="size-6"
        ),
        strings.PRODUCT,
        class_name="flex items-center gap-2 text-base font-semibold tracking-tight",
    )


def sidebar(here: str) -> rx.Component:
    """Return the column of places; `here` is the one that is open."""
    return rx.el.aside(
        rx.el.a(
            logo(),
            href=routes.DASHBOARD,
            class_name="mb-5 flex h-9 items-center rounded-lg px-2",
        ),
        rx.el.nav(
            *[
                _place(text, icon, path, is_here=path == here)
                for text, icon, path in (*PLACES[:-1], *WIDE_PLACES, PLACES[-1])
            ],
            rx.cond(
                SessionState.is_admin,
                rx.fragment(
                    *[
                        _place(text, icon, path, is_here=path == here)
                        for text, icon, path in ADMIN_PLACES
                    ]
                ),
            ),
            aria_label=strings.NAV_LABEL,
            class_name="flex flex-col gap-0.5",
        ),
        rx.el.div(
            icon_button(
                "keyboard", strings.SHORTCUTS, custom_attrs={"data-shortcuts": ""}
            ),
            theme_button(),
            class_name="mt-auto mb-2 flex gap-1",
        ),
        _account(),
        class_name="sticky top-0 hidden h-dvh w-56 shrink-0 flex-col border-e border-line bg-surface/60 p-3 md:flex",
    )


def bottom_bar(here: str) -> rx.Component:
    """Return the same places as a bar at the bottom."""
    return rx.el.nav(
        *[_tab(text, icon, path, is_here=path == here) for text, icon, path in PLACES],
        rx.cond(
            SessionState.is_admin,
            _tab(
                strings.SYSTEM, "server", routes.SYSTEM, is_here=here == routes.SYSTEM
            ),
        ),
        aria_label=strings.NAV_LABEL,
        class_name="fixed inset-x-0 bottom-0 z-30 grid auto-cols-fr grid-flow-col border-t border-line bg-surface pb-[env(safe-area-inset-bottom)] md:hidden",
    )


def _current(*, is_here: bool) -> dict[str, Any]:
    return {"aria_current": "page"} if is_here else {}


def _place(text: str, icon: str, path: str, *, is_here: bool) -> rx.Component:
    return rx.el.a(
        rx.icon(icon, size=16, aria_hidden="true"),
        text,
        href=path,
        class_name="flex h-8 items-center gap-2.5 rounded-lg px-2 text-sm font-medium text-muted transition-colors duration-100 "
        "hover:bg-sunken hover:text-ink aria-[current=page]:bg-accent-soft aria-[current=page]:text-accent",
        **_current(is_here=is_here),
    )


def _tab(text: str, icon: str, path: str, *, is_here: bool) -> rx.Component:
    return rx.el.a(
        rx.icon(icon, size=20, aria_hidden="true"),
        rx.el.span(text, class_name="max-w-full truncate"),
        href=path,
        class_name="flex h-14 min-w-0 flex-col items-center justify-center gap-0.5 text-[11px] font-medium tracking-tight text-muted "
        "aria-[current=page]:text-accent",
        **_current(is_here=is_here),
    )


def _account() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.span(
                SessionState.initial,
                aria_hidden="true",
                class_name="flex size-7 shrink-0 items-center justify-center rounded-full bg-accent-soft text-xs font-semibold text-accent",
            ),
            rx.el.span(
                rx.cond(
                    SessionState.display_name != "",
                    SessionState.display_name,
                    SessionState.email,
                ),
                class_name="min-w-0 flex-1 truncate text-sm",
                title=SessionState.email,
            ),
            sign_out(),
            class_name="flex min-h-8 items-center gap-2",
        ),
        class_name="border-t border-line pt-3 ps-1",
    )


def sign_out() -> rx.Component:
    """Return the form that ends the login; a full navigation, so that the websocket forgets its cookie."""
    return post_form(
        icon_button("log_out", strings.SIGN_OUT, type="submit"),
        action="/api/auth/logout",
    )


def theme_button() -> rx.Component:
    """Return the switch between light and dark."""
    return rx.el.button(
        rx.icon("moon", size=16, aria_hidden="true", class_name="dark:hidden"),
        rx.icon("sun", size=16, aria_hidden="true", class_name="hidden dark:block"),
        type="button",
        on_click=rx.toggle_color_mode,
        aria_label=strings.THEME,
        title=strings.THEME,
        class_name="inline-flex size-8 items-center justify-center rounded-lg text-muted hover:bg-sunken hover:text-ink",
    )
