"""What was used: sums, a bar for each day, and a table."""

from typing import Any

import reflex as rx

from app.components.ui.button import button, text_link
from app.components.ui.card import SURFACE, section
from app.components.ui.form import CONTROL, check_field
from app.components.ui.table import cell, row, table
from app.components.usage import strings as words
from app.state.session import SessionState
from app.state.usage import UsageState

_CONTROL = f"{CONTROL} h-9 sm:w-auto"


def filters() -> rx.Component:
    """Return the choice of days, and of what is added up."""
    return rx.el.div(
        _day("since", words.SINCE),
        _day("until", words.UNTIL),
        rx.el.select(
            *[rx.el.option(text, value=value) for value, text in words.GROUPS],
            rx.cond(
                SessionState.is_admin,
                rx.el.option(words.USERS[1], value=words.USERS[0]),
            ),
            value=UsageState.wish.by,
            on_change=lambda by: UsageState.want("by", by),
            aria_label=words.GROUP,
            class_name=f"{_CONTROL} pe-8",
        ),
        rx.cond(
            SessionState.is_admin,
            check_field(
                "everyone",
                words.EVERYONE,
                checked=UsageState.wish.everyone == "yes",
                on_change=lambda is_on: UsageState.want(
                    "everyone", rx.cond(is_on.to(bool), "yes", "")
                ),
            ),
        ),
        rx.cond(
            UsageState.is_narrowed,
            button(words.CLEAR, variant="ghost", icon="x", on_click=UsageState.clear),
        ),
        class_name="grid grid-cols-2 items-center gap-2 sm:flex sm:flex-wrap",
    )


def totals() -> rx.Component:
    """Return the sums of all that is shown."""
    total: Any = UsageState.total
    return rx.el.dl(
        _fact(words.COST, total.cost),
        _fact(words.TOKENS, total.tokens),
        _fact(words.CALLS, total.calls),
        _fact(words.FAILED, total.failed),
        _fact(words.CACHED, total.cached),
        _fact(words.LATENCY, total.latency),
        class_name="grid grid-cols-2 gap-3 sm:grid-cols-3 lg:grid-cols-6",
    )


def days() -> rx.Component:
    """Return a bar for each day."""
    return section(
        words.PER_DAY,
        rx.el.p(UsageState.days_words, class_name="-mt-2 mb-3 text-sm text-muted"),
        rx.el.div(
            rx.foreach(
                UsageState.days,
                lambda day: rx.el.div(
                    rx.el.div(
                        class_name="w-full rounded-t-xs bg-accent",
                        style={"height": day.share.to(str) + "%"},
                    ),
                    title=day.text,
                    key=day.key,
                    class_name="flex h-full min-w-0 flex-1 items-end",
                ),
            ),
            role="img",
            aria_label=UsageState.days_words,
            class_name=f"{SURFACE} flex h-32 items-stretch gap-px overflow-hidden p-3",
        ),
    )


def usage_table() -> rx.Component:
    """Return what each agent, model, provider, day or user used."""
    return table(words.TITLE, words.HEADS, rx.foreach(UsageState.rows, _row))


def _day(name: str, label: str) -> rx.Component:
    return rx.el.input(
        type="date",
        aria_label=label,
        title=label,
        default_value=getattr(UsageState.wish, name),
        key=name + UsageState.wish_key.to(str),
        on_change=lambda day: UsageState.want(name, day),
        class_name=_CONTROL,
    )


def _fact(name: str, value: Any) -> rx.Component:
    return rx.el.div(
        rx.el.dt(name, class_name="text-xs text-muted"),
        rx.el.dd(value, class_name="text-base font-semibold tabular-nums break-words"),
        class_name=f"{SURFACE} min-w-0 p-3",
    )


def _number(name: str, value: Any, *, look: str = "text-xs text-muted") -> rx.Component:
    """Return a cell with a figure; on a narrow screen, where the table has no heads, its name stands before it."""
    return cell(
        rx.el.span(name, aria_hidden="true", class_name="text-xs text-muted sm:hidden"),
        rx.el.span(value),
        title=name,
        class_name=f"flex w-full justify-between gap-3 whitespace-nowrap tabular-nums sm:table-cell sm:w-auto {look}",
    )


def _row(line: Any) -> rx.Component:
    return row(
        cell(
            rx.el.span(line.name, class_name="block truncate font-medium"),
            rx.el.span(
                rx.el.span(
                    class_name="block h-1 rounded-full bg-accent",
                    style={"width": line.share.to(str) + "%"},
                ),
                aria_hidden="true",
                class_name="mt-1 block h-1 w-full rounded-full bg-sunken",
            ),
            class_name="w-full min-w-0 sm:w-full sm:max-w-0",
        ),
        _number(words.COST, line.cost, look=""),
        _number(words.TOKENS, line.tokens),
        _number(words.CALLS, line.calls),
        _number(words.FAILED, line.failed),
        _number(words.CACHED, line.cached),
        _number(words.LATENCY, line.latency),
        cell(
            rx.cond(
                line.path != "",
                text_link(words.RUNS, href=line.path, aria_label=line.runs_label),
                rx.cond(
                    line.may_narrow,
                    button(
                        words.ONLY,
                        size="sm",
                        variant="ghost",
                        aria_label=line.only_label,
                        on_click=UsageState.only(line.id),
                    ),
                ),
            ),
            class_name="ms-auto whitespace-nowrap sm:text-end",
        ),
        key=line.id,
    )
