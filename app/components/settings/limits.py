"""What the user may use, and how much of it they have used."""

from typing import Any

import reflex as rx

from app.components.settings import strings as words
from app.components.ui.card import card, section
from app.state.limits import LimitsState


def limits() -> rx.Component:
    """Return a bar for each limit."""
    return section(
        words.LIMITS,
        card(
            rx.el.p(
                words.TIER,
                rx.el.span(LimitsState.tier, class_name="font-medium"),
                class_name="text-sm",
            ),
            rx.el.ul(
                rx.foreach(LimitsState.rows, _limit),
                aria_label=words.LIMITS,
                class_name="mt-3 grid gap-x-6 gap-y-3 sm:grid-cols-2",
            ),
        ),
        description=words.LIMITS_ABOUT,
    )


def _limit(line: Any) -> rx.Component:
    return rx.el.li(
        rx.el.p(
            rx.match(line.id, *words.LIMIT_NAMES, line.id),
            rx.el.span(line.words, class_name="text-muted tabular-nums"),
            class_name="flex justify-between gap-3 text-sm",
        ),
        rx.el.span(
            rx.el.span(
                class_name=rx.cond(
                    line.is_full,
                    "block h-1.5 rounded-full bg-bad",
                    rx.cond(
                        line.is_near,
                        "block h-1.5 rounded-full bg-warn",
                        "block h-1.5 rounded-full bg-accent",
                    ),
                ),
                style={"width": line.share.to(str) + "%"},
            ),
            aria_hidden="true",
            class_name="mt-1 block h-1.5 w-full rounded-full bg-sunken",
        ),
        key=line.id,
    )
