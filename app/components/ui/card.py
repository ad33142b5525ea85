"""Surfaces that group what belongs together."""

from typing import Any

import reflex as rx

SURFACE = "rounded-xl border border-line bg-surface shadow-card"


def card(*children: Any, **props: Any) -> rx.Component:
    """Return a surface with padding."""
    extra = props.pop("class_name", "p-4 sm:p-5")
    return rx.el.div(*children, class_name=f"{SURFACE} {extra}", **props)


def section(
    title: str | rx.Var[str], *children: Any, description: str = "", actions: Any = None
) -> rx.Component:
    """Return a titled part of a page."""
    return rx.el.section(
        rx.el.div(
            rx.el.div(
                rx.el.h2(title, class_name="text-base font-semibold"),
                rx.el.p(description, class_name="text-sm text-muted")
                if description
                else None,
                # A description is not squeezed beside the actions of a narrow screen.
                class_name=f"min-w-28 flex-1 {'basis-60' if description else ''}",
            ),
            actions,
            class_name="mb-3 flex flex-wrap items-end justify-between gap-2",
        ),
        *children,
        class_name="min-w-0",
    )
