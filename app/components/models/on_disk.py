"""The model files on this machine."""

from typing import Any

import reflex as rx

from app.components.models import strings as words
from app.components.ui.badge import badge
from app.components.ui.card import SURFACE, section
from app.state.model_list import ModelListState


def on_disk() -> rx.Component:
    """Return each file with what is known of it."""
    return section(
        words.ON_DISK,
        rx.el.ul(
            rx.foreach(ModelListState.local, _file),
            class_name=f"{SURFACE} divide-y divide-line",
        ),
        description=words.ON_DISK_ABOUT,
    )


def _file(file: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.p(file.name, class_name="break-words text-sm font-medium"),
            rx.el.p(file.facts, class_name="break-words text-xs text-muted"),
            rx.cond(
                file.source != "",
                rx.el.p(
                    words.SOURCE,
                    file.source,
                    class_name="break-all text-xs text-muted",
                ),
            ),
            rx.cond(
                file.reason != "",
                rx.el.p(
                    file.reason,
                    class_name="mt-2 rounded-lg bg-warn-soft px-3 py-2 text-sm break-words text-warn",
                ),
            ),
            class_name="min-w-0 flex-1",
        ),
        rx.cond(
            file.reason == "",
            rx.cond(file.speed != "", badge(file.speed, tone="ok", icon="gauge"), None),
            badge(words.NOT_LOADABLE, tone="warn", icon="circle_alert"),
        ),
        key=file.name,
        class_name="flex items-start gap-3 px-4 py-2.5",
    )
