"""The people of the installation, for administrators."""

from typing import Any

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.people import strings as words
from app.components.people.dialogs import fresh_link, invitation
from app.components.people.groups import groups, new_group
from app.components.people.limits import person_limits
from app.components.people.permissions import permissions
from app.components.people.table import people_table
from app.components.people.tiers import new_tier, tiers
from app.components.ui.button import button
from app.components.ui.dialog import confirm
from app.components.ui.empty import empty
from app.components.ui.form import search_field
from app.components.ui.skeleton import skeleton_rows
from app.components.ui.tabs import tabs
from app.components.ui.turns import turns
from app.components.widgets.page import address
from app.pages._page import page
from app.state.groups import GroupsState
from app.state.people import PeopleState
from app.state.permissions import PermissionsState
from app.state.person_limits import PersonLimitsState
from app.state.tiers import TiersState


@page(
    routes.PEOPLE,
    words.TITLE,
    permission=Permission.VIEW_USER,
    on_load=[PeopleState.load, GroupsState.load, TiersState.load],
    on_leave=[
        PeopleState.leave,
        GroupsState.leave,
        TiersState.leave,
        PermissionsState.close,
        PersonLimitsState.close,
    ],
)
def people() -> rx.Component:
    return shell(
        page_head(
            words.TITLE,
            description=rx.cond(PeopleState.can_read, words.ABOUT_READING, words.ABOUT),
            actions=_one_of(new_group(), new_tier(), _invite()),
        ),
        rx.cond(
            PeopleState.is_loading,
            skeleton_rows(4, "h-14"),
            rx.el.div(
                _tabs(),
                _one_of(groups(), tiers(), _content()),
                class_name="flex flex-col gap-4",
            ),
        ),
        here=routes.PEOPLE,
    )


def _one_of(
    of_groups: rx.Component, of_tiers: rx.Component, of_people: rx.Component
) -> rx.Component:
    """Return what belongs to the open tab."""
    others = rx.cond(TiersState.is_shown, of_tiers, of_people)
    return rx.cond(GroupsState.is_shown, of_groups, others)


def _tabs() -> rx.Component:
    return tabs(
        words.TITLE,
        [
            (
                words.TITLE,
                routes.PEOPLE,
                ~GroupsState.is_shown & ~TiersState.is_shown,
            ),
            (words.GROUPS, routes.GROUPS, GroupsState.is_shown),
            (words.TIERS, routes.TIERS, TiersState.is_shown),
        ],
    )


def _invite() -> rx.Component:
    return button(
        words.INVITE,
        icon="user_plus",
        variant="primary",
        on_click=PeopleState.open_invite,
        custom_attrs={"data-key": "n"},
    )


def _content() -> rx.Component:
    return rx.el.div(
        address(PeopleState.place),
        search_field(
            words.SEARCH,
            default_value=PeopleState.text,
            on_change=PeopleState.search.debounce(200),
        ),
        _rows(),
        invitation(),
        permissions(),
        person_limits(),
        fresh_link(),
        confirm(
            PeopleState.question[0],
            PeopleState.question[1],
            verb=PeopleState.question[2],
            is_open=PeopleState.asked != "",
            on_confirm=PeopleState.confirm,
            on_close=PeopleState.close,
        ),
        class_name="flex flex-col gap-4",
    )


def _rows() -> Any:
    return rx.cond(
        PeopleState.rows.length() > 0,
        rx.fragment(
            people_table(),
            turns(
                is_later=PeopleState.before != "",
                has_older=PeopleState.has_older,
                on_turn=PeopleState.turn,
            ),
        ),
        empty("search_x", words.NO_MATCH, words.NO_MATCH_TEXT),
    )
