"""The table of people and what can be done with each."""

from typing import Any

import reflex as rx

from app.components.people import strings as words
from app.components.ui.badge import badge
from app.components.ui.form import CONTROL
from app.components.ui.menu import menu, menu_item
from app.components.ui.table import cell, row, table
from app.components.widgets.clock import time_ago
from app.state.people import PeopleState
from app.state.permissions import PermissionsState
from app.state.person_limits import PersonLimitsState
from app.state.session import SessionState


def people_table() -> rx.Component:
    """Return the table."""
    return table(words.TITLE, words.HEADS, rx.foreach(PeopleState.rows, _row))


def _row(person: Any) -> rx.Component:
    return row(
        cell(
            rx.el.p(
                rx.cond(person.name != "", person.name, person.email),
                rx.cond(person.is_self, badge(words.YOU, class_name="ms-2")),
                title=person.email,
                class_name="truncate font-medium",
            ),
            rx.cond(
                person.name != "",
                rx.el.p(person.email, class_name="truncate text-xs text-muted"),
            ),
            class_name="w-full min-w-0 sm:w-auto sm:max-w-64",
        ),
        cell(
            rx.el.select(
                *[rx.el.option(text, value=value) for value, text in words.ROLES],
                value=person.role,
                on_change=lambda role: PeopleState.set_role(person.id, role),
                aria_label=words.ROLE_OF + person.email,
                class_name=f"{CONTROL} h-8 pe-8 text-sm",
            )
        ),
        cell(
            rx.match(
                person.status,
                ("suspended", badge(words.SUSPENDED, tone="bad", icon="ban")),
                ("invited", badge(words.INVITED, tone="warn", icon="mail")),
                badge(words.ACTIVE, tone="ok", icon="circle_check"),
            ),
            rx.cond(
                person.ways != "",
                rx.el.p(
                    rx.el.span(words.SIGNS_IN_WITH, class_name="sr-only"),
                    person.ways,
                    class_name="mt-1 text-xs text-muted",
                ),
            ),
        ),
        cell(
            rx.cond(
                person.seen_at != "",
                time_ago(at=person.seen_at, mode=SessionState.times),
                words.NEVER,
            ),
            class_name="text-xs whitespace-nowrap text-muted max-sm:hidden",
        ),
        cell(_actions(person), class_name="ms-auto text-end"),
        key=person.id,
    )


def _actions(person: Any) -> rx.Component:
    menu_id = "person-" + person.id
    return menu(
        menu_id,
        rx.cond(
            person.status == "suspended",
            menu_item(
                menu_id,
                "user_check",
                words.REACTIVATE,
                on_click=PeopleState.reactivate(person.id),
            ),
            rx.fragment(
                menu_item(
                    menu_id,
                    "link",
                    words.NEW_PASSWORD,
                    on_click=PeopleState.ask("link", person.id, person.email),
                ),
                menu_item(
                    menu_id,
                    "key_square",
                    words.PERMISSIONS,
                    on_click=PermissionsState.open(person.id, person.email),
                ),
                menu_item(
                    menu_id,
                    "gauge",
                    words.LIMITS,
                    on_click=PersonLimitsState.open(person.id, person.email),
                ),
                rx.cond(
                    PeopleState.can_read & ~person.is_self,
                    menu_item(
                        menu_id,
                        "eye",
                        words.READ,
                        on_click=PeopleState.ask("read", person.id, person.email),
                    ),
                ),
                rx.cond(
                    person.has_second_factor,
                    menu_item(
                        menu_id,
                        "shield_off",
                        words.REMOVE_FACTOR,
                        on_click=PeopleState.ask("factor", person.id, person.email),
                    ),
                ),
                menu_item(
                    menu_id,
                    "ban",
                    words.SUSPEND,
                    is_dangerous=True,
                    on_click=PeopleState.ask("suspend", person.id, person.email),
                ),
            ),
        ),
        label=words.ACTIONS + person.email,
    )
