"""What was done on the installation, for administrators."""

from typing import Any

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.components.audit import strings as words
from app.components.audit.table import audit_table, filters
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.ui.button import button
from app.components.ui.empty import empty
from app.components.ui.skeleton import skeleton_rows
from app.components.ui.turns import turns
from app.components.widgets.page import address
from app.pages._page import page
from app.state.audit import AuditState


@page(
    routes.AUDIT,
    words.TITLE,
    permission=Permission.VIEW_USER,
    on_load=[AuditState.load],
)
def audit() -> rx.Component:
    return shell(
        page_head(
            words.TITLE,
            description=words.ABOUT,
            actions=_actions(),
        ),
        rx.cond(AuditState.is_loading, skeleton_rows(6), _content()),
        here=routes.AUDIT,
        width="wide",
    )


def _actions() -> rx.Component:
    return rx.el.div(
        button(words.VERIFY, icon="shield_check", on_click=AuditState.verify),
        button(
            words.EXPORT,
            icon="download",
            href=AuditState.export_path,
            reloads=True,
            custom_attrs={"download": ""},
        ),
        class_name="flex flex-wrap gap-2",
    )


def _verdict() -> rx.Component:
    return rx.el.p(
        rx.cond(
            AuditState.verdict != "",
            rx.fragment(
                rx.cond(
                    AuditState.is_whole,
                    rx.icon("circle_check", size=16, class_name="shrink-0 text-ok"),
                    rx.icon("circle_alert", size=16, class_name="shrink-0 text-bad"),
                ),
                rx.el.span(AuditState.verdict, class_name="min-w-0 break-words"),
            ),
        ),
        role="status",
        class_name="flex items-start gap-2 text-sm empty:hidden",
    )


def _content() -> Any:
    return rx.el.div(
        address(AuditState.place),
        _verdict(),
        filters(),
        rx.cond(
            AuditState.rows.length() > 0,
            audit_table(),
            empty("search_x", words.NOTHING, words.NOTHING_TEXT),
        ),
        turns(
            is_later=AuditState.before != "",
            has_older=AuditState.has_older,
            on_turn=AuditState.turn,
        ),
        class_name="flex flex-col gap-4",
    )
