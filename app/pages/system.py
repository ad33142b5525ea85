"""The installation, for administrators: what runs, what waits, what was lost, what is stored."""

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.system import strings as words
from app.components.system.now import glance, workers
from app.components.system.tables import dead_letters, queues, storage
from app.components.ui.button import button
from app.components.ui.dialog import confirm
from app.components.ui.skeleton import skeleton_rows
from app.components.widgets.clock import pulse
from app.pages._page import page
from app.state.system import SystemState

_SECONDS = 3.0


@page(
    routes.SYSTEM,
    words.TITLE,
    permission=Permission.VIEW_INSTALLATION,
    on_load=[SystemState.load],
    on_leave=[SystemState.leave],
)
def system() -> rx.Component:
    return shell(
        page_head(
            words.TITLE,
            description=words.ABOUT,
            actions=rx.fragment(
                button(words.TO_PEOPLE, icon="users", href=routes.PEOPLE),
                button(words.TO_AUDIT, icon="scroll_text", href=routes.AUDIT),
            ),
        ),
        rx.cond(SystemState.is_loading, skeleton_rows(4, "h-24"), _content()),
        here=routes.SYSTEM,
    )


def _content() -> rx.Component:
    return rx.el.div(
        rx.foreach(SystemState.away, _away),
        glance(),
        workers(),
        queues(),
        dead_letters(),
        storage(),
        confirm(
            SystemState.question[0],
            SystemState.question[1],
            verb=SystemState.question[2],
            is_open=SystemState.asked != "",
            on_confirm=SystemState.confirm,
            on_close=SystemState.leave,
        ),
        pulse(seconds=_SECONDS, on_pulse=SystemState.refresh),
        class_name="flex flex-col gap-8",
    )


def _away(part: rx.Var[str]) -> rx.Component:
    return rx.el.p(
        rx.icon("circle_alert", size=16, aria_hidden="true", class_name="shrink-0"),
        part,
        words.AWAY,
        role="status",
        key=part,
        class_name="-mb-4 flex items-center gap-2 rounded-xl bg-bad-soft px-4 py-3 text-sm text-bad",
    )
