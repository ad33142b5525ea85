"""The head of a page: where it is, its title, and its main actions."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from app.components.layout.sidebar import logo, sign_out, theme_button

Crumb = tuple[Any, Any]


def mobile_bar() -> rx.Component:
    """Return the bar on top of narrow screens."""
    return rx.el.header(
        rx.el.a(logo(), href="/", class_name="rounded-lg"),
        rx.el.div(theme_button(), sign_out(), class_name="flex"),
        class_name="sticky top-0 z-20 flex h-12 items-center justify-between border-b border-line bg-canvas/90 px-3 backdrop-blur md:hidden",
    )


def page_head(
    title: Any,
    *,
    crumbs: Sequence[Crumb] = (),
    description: Any = None,
    actions: Any = None,
) -> rx.Component:
    """Return the heading of a page; the focus comes here when the page is reached."""
    return rx.el.div(
        rx.el.div(
            _trail(crumbs) if crumbs else None,
            rx.el.h1(
                title,
                tab_index=-1,
                class_name="text-xl font-semibold tracking-tight break-words",
            ),
            rx.el.div(description, class_name="mt-0.5 text-sm text-muted")
            if description is not None
            else None,
            class_name="min-w-0",
        ),
        rx.el.div(actions, class_name="flex flex-wrap items-center gap-2")
        if actions is not None
        else None,
        class_name="mb-5 flex min-h-9 flex-wrap items-start justify-between gap-3",
    )


def _trail(crumbs: Sequence[Crumb]) -> rx.Component:
    return rx.el.nav(
        rx.el.ol(
            *[
                rx.el.li(
                    # A name that is still being loaded is no link yet.
                    rx.cond(
                        text,
                        rx.el.a(
                            text,
                            href=path,
                            class_name="truncate rounded hover:text-ink hover:underline",
                        ),
                    ),
                    class_name="inline-flex min-w-0 empty:hidden not-first:before:mx-1.5 not-first:before:text-faint not-first:before:content-['/']",
                )
                for text, path in crumbs
            ],
            class_name="flex flex-wrap",
        ),
        aria_label="Breadcrumb",
        class_name="mb-1 text-sm text-muted",
    )
