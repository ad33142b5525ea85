"""The only page decorator: it collects the pages that the app adds."""

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
) -> Callable[[Render], Render]:
    """Add the decorated function as a page; all but public ones first load who is signed in.

    The permission is checked by the guards of the events in `on_load`; here it says what the page is about.
    """

    def add(render: Render) -> Render:
        before = () if is_public else (SessionState.load,)
        PAGES.append(
            Page(
                render,
                route,
                f"{title} · {PRODUCT}",
                permission,
                is_public,
                (*before, *on_load),
            )
        )
        return render

    return add
