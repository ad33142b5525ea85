"""The only page decorator: it collects the pages that the app adds."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.components.layout import strings
from app.components.layout.shell import shell
from app.components.layout.topbar import page_head
from app.components.ui.button import button
from app.components.ui.empty import empty
from app.state.session import SessionState

PRODUCT = "Atelier"
Render = Callable[[], rx.Component]


@dataclass(frozen=True)
class Page:
    """A page, where it lives, and what its opening does."""

    render: Render
    route: str
    title: str
    permission: Permission | None
    is_public: bool
    on_load: tuple[Any, ...]


PAGES: list[Page] = []
_FOR_ADMINS = frozenset({Permission.VIEW_USER, Permission.VIEW_INSTALLATION})


def page(
    route: str,
    title: str,
    *,
    permission: Permission | None = None,
    is_public: bool = False,
    on_load: Sequence[Any] = (),
    on_leave: Sequence[Any] = (),
) -> Callable[[Render], Render]:
    """Add the decorated function as a page; all but public ones first load who is signed in.

    The permission is checked by the guards of the events in `on_load`; here it says what the page is about, and who
    lacks it is told so in the page's place.
    `on_load` comes again whenever the websocket does, and may come after the first click: it wipes nothing that
    the person sees. What belongs to one visit is put away by `on_leave`.
    """

    def add(render: Render) -> Render:
        before = () if is_public else (SessionState.load,)
        shown = _for_those_who_may(render, title, permission) if permission else render
        PAGES.append(
            Page(
                _leaving(shown, on_leave) if on_leave else shown,
                route,
                f"{title} · {PRODUCT}",
                permission,
                is_public,
                (*before, *on_load),
            )
        )
        return render

    return add


def _for_those_who_may(render: Render, title: str, permission: Permission) -> Render:
    # Reflex gathers a page's code by the module of its function.
    @functools.wraps(render)
    def allowed() -> rx.Component:
        is_refused = SessionState.lacks.contains(permission.value)
        return rx.cond(is_refused, _refused(title, permission), render())

    return allowed


def _refused(title: str, permission: Permission) -> rx.Component:
    words = (
        (strings.FOR_ADMINS, strings.FOR_ADMINS_TEXT)
        if permission in _FOR_ADMINS
        else (strings.NOT_FOR_YOU, strings.NOT_FOR_YOU_TEXT)
    )
    home = button(strings.GO_HOME, href=routes.DASHBOARD)
    return shell(page_head(title), empty("lock", *words, home), here="")


def _leaving(render: Render, on_leave: Sequence[Any]) -> Render:
    @functools.wraps(render)
    def leaving() -> rx.Component:
        return rx.fragment(render(), on_unmount=list(on_leave))

    return leaving
