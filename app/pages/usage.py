"""What the calls of models took and cost."""

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.ui.button import button
from app.components.ui.empty import empty
from app.components.ui.skeleton import skeleton_rows
from app.components.usage import strings as words
from app.components.usage.budgets import budgets
from app.components.usage.report import days, filters, totals, usage_table
from app.components.widgets.page import address
from app.pages._page import page
from app.state.budgets import BudgetsState
from app.state.usage import UsageState


@page(
    routes.USAGE,
    words.TITLE,
    permission=Permission.VIEW_RUN,
    on_load=[UsageState.load, BudgetsState.load],
    on_leave=[BudgetsState.leave],
)
def usage() -> rx.Component:
    return shell(
        page_head(
            words.TITLE,
            description=words.ABOUT,
            actions=button(
                words.DOWNLOAD,
                icon="download",
                href=UsageState.export_path,
                reloads=True,
                custom_attrs={"download": ""},
            ),
        ),
        address(UsageState.place),
        rx.el.div(
            budgets(),
            rx.cond(UsageState.is_loading, skeleton_rows(6), _content()),
            class_name="flex flex-col gap-8",
        ),
        here=routes.USAGE,
        width="wide",
    )


def _content() -> rx.Component:
    return rx.el.div(
        filters(),
        rx.cond(
            UsageState.rows.length() > 0,
            rx.el.div(
                totals(), days(), usage_table(), class_name="flex flex-col gap-6"
            ),
            empty("coins", words.NOTHING, words.NOTHING_TEXT),
        ),
        class_name="flex flex-col gap-6",
    )
