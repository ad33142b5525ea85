"""Who calls the runtime: a person's API key, or another process of this installation."""

import hmac
from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.backend.api.errors import response_of
from app.backend.core.actor import Actor
from app.backend.core.errors import Unauthorized

FindActor = Callable[[str], Awaitable[Actor | None]]

OPEN_PATHS = frozenset({"/health"})
_ACTOR = "atelier.actor"


class Authenticate:
    """Lets a request through with an API key or the internal token; only /health is open."""

    def __init__(self, app: ASGIApp, *, token: str, find_actor: FindActor) -> None:
        self._app = app
        self._token = token.encode()
        self._find_actor = find_actor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, or pass the request on with its actor (None for the internal token)."""
        if scope["type"] == "lifespan" or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        kind, _, key = Headers(scope=scope).get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not key:
            await _refuse(scope, receive, send)
        elif hmac.compare_digest(key.encode(), self._token):
            await self._app({**scope, _ACTOR: None}, receive, send)
        elif (actor := await self._find_actor(key)) is not None:
            await self._app({**scope, _ACTOR: actor}, receive, send)
        else:
            await _refuse(scope, receive, send)


def actor_of(request: Request) -> Actor | None:
    """Return whose API key came with the request; None means the internal token."""
    return request.scope[_ACTOR]


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    error = Unauthorized(
        "Send an API key of this installation as `Authorization: Bearer <key>`."
    )
    await response_of(error)(scope, receive, send)
