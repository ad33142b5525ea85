"""Who calls the runtime: a person's API key, or another process of this installation."""

import hmac
from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.backend.api.errors import response_of
from app.backend.core import acting
from app.backend.core.actor import Actor
from app.backend.core.db import AWAY
from app.backend.core.errors import AppError, ServiceUnavailable, Unauthorized

FindActor = Callable[[str], Awaitable[Actor | None]]

OPEN_PATHS = frozenset({"/health"})
_ACTOR = "atelier.actor"
_HOW = "Send an API key of this installation as `Authorization: Bearer <key>`."


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
        try:
            known = await self._identify(Headers(scope=scope).get("authorization", ""))
        except AppError as error:
            await response_of(error)(scope, receive, send)
            return
        whose = acting.as_user(known.user_id) if known else acting.as_nobody()
        with whose:
            await self._app({**scope, _ACTOR: known}, receive, send)

    async def _identify(self, header: str) -> Actor | None:
        kind, _, key = header.partition(" ")
        if kind.lower() != "bearer" or not key:
            raise Unauthorized(_HOW)
        if hmac.compare_digest(key.encode(), self._token):
            return None
        try:
            actor = await self._find_actor(key)
        except AWAY as error:
            message = "The database does not answer. `atelier doctor` shows what is wrong; then try again."
            raise ServiceUnavailable(
                message, service="database", retry_after=5
            ) from error
        if actor is None:
            raise Unauthorized(_HOW)
        return actor


def actor_of(request: Request) -> Actor | None:
    """Return whose API key came with the request; None means the internal token."""
    return request.scope[_ACTOR]
