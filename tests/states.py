"""States in tests: made as the framework makes them, their handlers called as `State.handler.fn(state, ...)`."""

from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl, urlsplit

import reflex as rx
from reflex.istate.data import RouterData

S = TypeVar("S", bound=rx.State)
ORIGIN = "http://127.0.0.1:8000"


def make_state(
    kind: type[S],
    /,
    *,
    path: str = "/",
    cookie: str = "",
    token: str = "tab-1",
    **values: Any,
) -> S:
    """Return a state of `kind` in a tab that shows `path` and sends `cookie`; `values` are set on it."""
    root = rx.State(_reflex_internal_init=True)  # pyright: ignore[reportCallIssue] - the framework passes it too
    root.router = RouterData.from_router_data(
        {
            "token": token,
            "sid": f"socket-of-{token}",
            "pathname": urlsplit(path).path,
            "query": dict(parse_qsl(urlsplit(path).query)),
            "asPath": path,
            "headers": {"cookie": cookie, "origin": ORIGIN},
        }
    )
    state = root.get_substate(kind.get_full_name().split("."))
    for name, value in values.items():
        setattr(state, name, value)
    return cast("S", state)
