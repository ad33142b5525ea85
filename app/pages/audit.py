"""What was done on the installation, for administrators."""

from typing import Any

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.components.audit import strings as words
from app.components.audit.table import audit_table, filters
from app.components.layout.for_admins import for_admins
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.ui.button import button
from app.components.ui.empty import empty
from app.components.ui.skeleton import skeleton_rows
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
            actions=rx.cond(AuditState.is_refused, None, _export()),
        ),
        for_admins(
            _content(),
            is_refused=AuditState.is_refused,
            is_loading=AuditState.is_loading,
            loading=skeleton_rows(6),
        ),
        here=routes.AUDIT,
        width="wide",
    )


def _export() -> rx.Component:
    return button(
        words.EXPORT,
        icon="download",
        href=AuditState.export_path,
        reloads=True,
        custom_attrs={"download": ""},
    )


def _content() -> Any:
    return rx.el.div(
        filters(),
        rx.cond(
            AuditState.rows.length() > 0,
            audit_table(),
            empty("search_x", words.NOTHING, words.NOTHING_TEXT),
        ),
        rx.cond(
            AuditState.has_more,
            rx.el.div(
                button(words.MORE, on_click=AuditState.load_more),
                class_name="text-center",
            ),
        ),
        class_name="flex flex-col gap-4",
    )
