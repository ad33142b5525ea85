"""The strip that says whether every part works."""

from typing import Any

import reflex as rx

from app.components.ui.card import SURFACE
from app.components.ui.skeleton import skeleton
from app.components.widgets.clock import pulse
from app.state.health import HealthState

_SECONDS = 20.0


def health_strip() -> rx.Component:
    """Return one cell per part: icon, name, and a few words."""
    return rx.el.section(
        rx.el.h2("Health", class_name="sr-only"),
        rx.cond(
            HealthState.parts.length() > 0,
            rx.el.ul(
                rx.foreach(HealthState.parts, _part),
                class_name=f"{SURFACE} grid grid-cols-2 gap-px overflow-hidden bg-line sm:grid-cols-3 lg:grid-cols-6",
            ),
            skeleton("h-[3.875rem] rounded-xl"),
        ),
        pulse(seconds=_SECONDS, on_pulse=HealthState.load),
    )


def _part(part: Any) -> rx.Component:
    return rx.el.li(
        rx.cond(
            part.is_ok,
            rx.icon(
                "circle_check",
                size=16,
                aria_label="Works",
                role="img",
                class_name="mt-0.5 shrink-0 text-ok",
            ),
            rx.icon(
                "circle_alert",
                size=16,
                aria_label="Does not work",
                role="img",
                class_name="mt-0.5 shrink-0 text-bad",
            ),
        ),
        rx.el.div(
            rx.el.p(part.label, class_name="truncate text-sm font-medium"),
            rx.el.p(
                part.detail,
                title=part.detail,
                class_name=rx.cond(
                    part.is_ok, "truncate text-xs text-muted", "text-xs text-bad"
                ),
            ),
            class_name="min-w-0",
        ),
        key=part.name,
        class_name="flex gap-2 bg-surface px-3.5 py-2.5",
    )
