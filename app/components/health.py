"""The strip that says whether every part works."""

from typing import Any

import reflex as rx

from app import routes
from app.backend.api.health import MODELS
from app.backend.core.actor import Permission
from app.components.layout.allowed import allowed
from app.components.ui.button import text_link
from app.components.ui.card import SURFACE
from app.components.ui.skeleton import skeleton
from app.components.widgets.clock import pulse
from app.state.health import HealthState

_SECONDS = 20.0
_GRID = "grid-cols-2 gap-x-4 gap-y-3 px-4 py-3 sm:grid-cols-4 2xl:grid-cols-8"


def health_strip() -> rx.Component:
    """Return one cell per part, and under them what to do about those that are down."""
    return rx.el.section(
        rx.el.h2("Health", class_name="sr-only"),
        rx.cond(
            HealthState.parts.length() > 0,
            rx.el.div(
                rx.el.ul(
                    rx.foreach(HealthState.parts, _part),
                    class_name=rx.cond(
                        HealthState.is_well, f"hidden sm:grid {_GRID}", f"grid {_GRID}"
                    ),
                ),
                rx.cond(
                    HealthState.is_well,
                    rx.el.p(
                        rx.icon(
                            "circle_check",
                            size=16,
                            aria_hidden="true",
                            class_name="text-ok",
                        ),
                        "Everything works",
                        class_name="flex h-11 items-center gap-2 px-4 text-sm font-medium sm:hidden",
                    ),
                    rx.el.ul(
                        rx.foreach(HealthState.parts, _problem),
                        class_name="flex flex-col gap-1 border-t border-line bg-bad-soft px-3.5 py-2.5 text-sm text-bad",
                    ),
                ),
                class_name=f"{SURFACE} overflow-hidden",
            ),
            skeleton("h-11 rounded-xl sm:h-29 2xl:h-16"),
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
                aria_hidden="true",
                class_name="mt-0.5 shrink-0 text-ok",
            ),
            rx.icon(
                "circle_alert",
                size=16,
                aria_hidden="true",
                class_name="mt-0.5 shrink-0 text-bad",
            ),
        ),
        rx.el.div(
            rx.el.p(part.label, class_name="truncate text-sm font-medium"),
            rx.el.p(
                part.word,
                title=part.word,
                class_name=rx.cond(
                    part.is_ok,
                    "truncate text-xs text-muted",
                    "truncate text-xs text-bad",
                ),
            ),
            class_name="min-w-0",
        ),
        key=part.name,
        class_name="flex min-w-0 gap-2",
    )


def _to_models() -> rx.Component:
    link = text_link(
        "See the models",
        href=routes.MODELS,
        class_name="underline decoration-from-font",
    )
    return allowed(Permission.VIEW_MODEL, link)


def _problem(part: Any) -> Any:
    return rx.cond(
        part.is_ok,
        rx.fragment(),
        rx.el.li(
            rx.el.span(part.label + ": ", class_name="font-medium"),
            part.advice,
            " ",
            rx.cond(part.name == MODELS, _to_models()),
            key=part.name,
        ),
    )
