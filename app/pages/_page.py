"""The only page decorator: it collects the pages that the app adds."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx

from app.backend.core.actor import Permission
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

    The permission is checked by the guards of the events in `on_load`; here it says what the page is about.
    `on_load` comes again whenever the websocket does, and may come after the first click: it wipes nothing that
    the person sees. What belongs to one visit is put away by `on_leave`.
    """

    def add(render: Render) -> Render:
        before = () if is_public else (SessionState.load,)
        PAGES.append(
            Page(
                _leaving(render, on_leave) if on_leave else render,
                route,
                f"{title} · {PRODUCT}",
                permission,
                is_public,
                (*before, *on_load),
            )
        )
        return render

    return add


def _leaving(render: Render, on_leave: Sequence[Any]) -> Render:
    # Reflex gathers a page's code by the module of its function.
    @functools.wraps(render)
    def leaving() -> rx.Component:
        return rx.fragment(render(), on_unmount=list(on_leave))

    return leaving
