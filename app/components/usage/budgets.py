"""Budgets: a bar for each, and the form of one."""

from typing import Any

import reflex as rx

from app import routes
from app.components.ui.badge import badge
from app.components.ui.button import button, icon_button, text_link
from app.components.ui.card import SURFACE, section
from app.components.ui.dialog import confirm, dialog, dialog_actions
from app.components.ui.form import check_field, select_field, text_field
from app.components.usage import budget_strings as words
from app.state.budgets import CHEAPER, EVERYBODY, ME, SOMEBODY, BudgetsState
from app.state.session import SessionState

_BARS = {"ok": "bg-accent", "warn": "bg-warn", "bad": "bg-bad"}


def budgets() -> rx.Component:
    """Return the budgets with their dialogs."""
    return section(
        words.TITLE,
        rx.cond(
            BudgetsState.rows.length() > 0,
            budget_list(BudgetsState.rows),
            rx.el.p(words.NONE, class_name="text-sm text-muted"),
        ),
        _form(),
        confirm(
            words.DELETE_TITLE,
            BudgetsState.doomed_name + ". " + words.DELETE_TEXT,
            verb=words.DELETE,
            is_open=BudgetsState.doomed_id != "",
            on_confirm=BudgetsState.delete,
            on_close=BudgetsState.close,
        ),
        description=words.ABOUT,
        actions=_actions(),
    )


def budget_list(rows: Any, *, may_change: bool = True) -> rx.Component:
    """Return a bar for each budget."""
    return rx.el.ul(
        rx.foreach(rows, lambda line: _budget(line, may_change=may_change)),
        aria_label=words.TITLE,
        class_name=f"{SURFACE} divide-y divide-line",
    )


def agent_budgets() -> rx.Component:
    """Return the budgets of the agent whose page it is, if it has some."""
    return rx.cond(
        BudgetsState.of_agent.length() > 0,
        section(
            words.TITLE,
            budget_list(BudgetsState.of_agent, may_change=False),
            actions=text_link(words.TO_USAGE, href=routes.USAGE, class_name="text-sm"),
        ),
    )


def budgets_in_form() -> rx.Component:
    """Return the budgets of the agent that is in the form, or that it has none; they are set on the page Usage."""
    return rx.fragment(
        rx.cond(
            BudgetsState.of_agent.length() > 0,
            budget_list(BudgetsState.of_agent, may_change=False),
            rx.el.p(words.NONE_OF_AGENT, class_name="text-sm text-muted"),
        ),
        rx.el.p(text_link(words.TO_USAGE, href=routes.USAGE, class_name="text-sm")),
    )


def _actions() -> rx.Component:
    return rx.el.div(
        rx.cond(
            SessionState.is_admin,
            check_field(
                "budgets_of_all",
                words.EVERYONE,
                checked=BudgetsState.is_everyone,
                on_change=BudgetsState.show_everyone,
            ),
        ),
        rx.cond(
            BudgetsState.may_set,
            button(words.NEW, icon="plus", on_click=BudgetsState.open_form),
        ),
        class_name="flex flex-wrap items-center gap-4",
    )


def _budget(line: Any, *, may_change: bool) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.match(
                line.icon,
                ("bot", _icon("bot")),
                ("building_2", _icon("building_2")),
                ("layers", _icon("layers")),
                _icon("user"),
            ),
            rx.el.span(line.subject, class_name="min-w-0 truncate font-medium"),
            rx.el.span(line.amount, class_name="tabular-nums whitespace-nowrap"),
            rx.cond(~line.is_active, badge(words.OFF)),
            rx.cond(line.is_imposed, badge(words.IMPOSED, icon="shield")),
            _changes(line) if may_change else None,
            class_name="flex flex-wrap items-center gap-x-3 gap-y-1 text-sm",
        ),
        rx.cond(line.is_counted & line.is_active, _bar(line)),
        rx.el.p(
            line.used,
            rx.el.span(" · ", aria_hidden="true"),
            line.then,
            class_name="mt-1.5 text-xs text-muted tabular-nums",
        ),
        key=line.id,
        class_name="px-4 py-3",
    )


def _icon(name: str) -> rx.Component:
    return rx.icon(name, size=15, aria_hidden="true", class_name="shrink-0 text-faint")


def _bar(line: Any) -> rx.Component:
    tone = rx.cond(
        line.tone == "bad",
        _BARS["bad"],
        rx.cond(line.tone == "warn", _BARS["warn"], _BARS["ok"]),
    )
    return rx.el.div(
        rx.el.div(
            class_name=f"h-full rounded-full {tone}",
            style={"width": line.share.to(str) + "%"},
        ),
        role="progressbar",
        aria_label=line.subject + ", " + line.amount,
        aria_valuemin="0",
        aria_valuemax="100",
        aria_valuenow=line.share.to(str),
        aria_valuetext=line.used,
        class_name="mt-2 h-1.5 w-full overflow-hidden rounded-full bg-sunken",
    )


def _changes(line: Any) -> rx.Component:
    return rx.cond(
        line.may_change,
        rx.el.div(
            icon_button("pencil", line.edit_label, on_click=BudgetsState.edit(line.id)),
            icon_button(
                "trash_2",
                line.delete_label,
                on_click=BudgetsState.ask_delete(
                    line.id, line.subject + ", " + line.amount
                ),
            ),
            class_name="ms-auto flex gap-1",
        ),
    )


def _form() -> rx.Component:
    values: Any = BudgetsState.values
    is_new = BudgetsState.editing_id == ""
    return dialog(
        rx.cond(is_new, words.NEW_TITLE, words.EDIT_TITLE + BudgetsState.editing_name),
        rx.el.form(
            rx.cond(is_new, _subject()),
            rx.el.div(
                _amount(values),
                select_field(
                    "unit", words.UNIT, words.UNITS, default_value=values.unit
                ),
                class_name="grid gap-3 sm:grid-cols-2",
            ),
            select_field(
                "period", words.PERIOD, words.PERIODS, default_value=values.period
            ),
            _policy(values),
            check_field("is_active", words.ACTIVE, default_checked=values.is_active),
            dialog_actions(
                button(words.CANCEL, on_click=BudgetsState.close),
                button(words.SET, type="submit", variant="primary"),
            ),
            on_submit=BudgetsState.save,
            reset_on_submit=False,
            key=BudgetsState.form_key.to(str),
            no_validate=True,
            class_name="flex flex-col gap-4",
        ),
        is_open=BudgetsState.is_open,
        on_close=BudgetsState.close,
    )


def _amount(values: Any) -> rx.Component:
    return text_field(
        "amount",
        words.AMOUNT,
        default_value=values.amount,
        error=BudgetsState.errors["amount"],
        input_mode="decimal",
        auto_complete="off",
    )


def _policy(values: Any) -> rx.Component:
    return rx.fragment(
        select_field(
            "policy",
            words.POLICY,
            words.POLICIES,
            default_value=values.policy,
            error=BudgetsState.errors["policy"],
            on_change=lambda value: BudgetsState.choose("policy", value),
        ),
        rx.cond(
            values.policy == CHEAPER,
            select_field(
                "cheaper_model",
                words.MODEL,
                rx.fragment(
                    rx.el.option(words.CHEAP, value=""),
                    _options(BudgetsState.models),
                ),
                default_value=values.cheaper_model,
                hint=words.MODEL_HINT,
                error=BudgetsState.errors["cheaper_model"],
            ),
        ),
    )


def _subject() -> rx.Component:
    return rx.fragment(
        select_field(
            "subject",
            words.SUBJECT,
            rx.fragment(
                rx.el.option(words.ME, value=ME),
                rx.cond(
                    SessionState.is_admin,
                    rx.fragment(
                        rx.el.option(words.EVERYBODY, value=EVERYBODY),
                        rx.el.option(words.SOMEBODY, value=SOMEBODY),
                        rx.el.optgroup(_options(BudgetsState.tiers), label=words.TIERS),
                    ),
                ),
                rx.el.optgroup(_options(BudgetsState.agents), label=words.AGENTS),
            ),
            error=BudgetsState.errors["subject"],
            on_change=lambda value: BudgetsState.choose("subject", value),
        ),
        rx.cond(
            BudgetsState.values.subject == SOMEBODY,
            text_field(
                "email",
                words.EMAIL,
                type="email",
                error=BudgetsState.errors["email"],
                auto_complete="off",
            ),
        ),
    )


def _options(choices: Any) -> rx.Component:
    return rx.foreach(
        choices, lambda one: rx.el.option(one.name, value=one.id, key=one.id)
    )
