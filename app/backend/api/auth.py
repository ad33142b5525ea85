"""Who is calling, by the cookie of a browser's login or by the `Authorization` header."""

from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection

from app.backend.api.parts import ApiParts
from app.backend.core import acting, clock
from app.backend.core.actor import Actor
from app.backend.core.errors import AppError, Unauthorized
from app.backend.identity import credentials
from app.backend.identity import service as identity
from app.backend.identity.request_limits import Window
from app.backend.identity.schemas import Presented

logger = structlog.get_logger(__name__)

USE_RECORDED_EVERY = timedelta(minutes=10)
_ACTOR = "atelier.actor"


def parts_of(connection: HTTPConnection) -> ApiParts:
    """Return the parts of this process."""
    return connection.app.state.services


def bearer_of(connection: HTTPConnection) -> str | None:
    """Return what follows `Authorization: Bearer`; "" when the header is of another kind."""
    header = connection.headers.get("authorization")
    if header is None:
        return None
    kind, _, text = header.partition(" ")
    return text.strip() if kind.lower() == "bearer" else ""


async def find_actor(connection: HTTPConnection) -> Actor | None:
    """Return who is calling, as the rows say it now; an `Authorization` header goes before a cookie."""
    presented = await _find_presented(connection)
    if presented is None:
        return None
    await note_use(parts_of(connection), presented)
    return presented.actor


async def is_still_signed_in(connection: HTTPConnection) -> bool:
    """Tell whether the caller of a long connection could still open it."""
    try:
        presented = await _find_presented(connection)
    except (
        AppError
    ):  # lint-skip: edge-catch - a token of somebody who may have no account any more
        return False
    if presented is None or presented.actor.must_add_factor:
        return False
    known = find_known(connection)
    # Who stops reading, or whose hour is over, does not go on by a connection from before.
    return known is None or known.user_id == presented.actor.user_id


async def count_request(connection: HTTPConnection, actor: Actor) -> None:
    """Count a request, or a message of a websocket, against the tier of whoever is calling.

    Raises:
        TooManyRequests: it is one too many.
    """
    is_program = bearer_of(connection) is not None
    window = Window.PROGRAMS if is_program else Window.PAGES
    await parts_of(connection).request_limits.count(actor, window)


def set_actor(connection: HTTPConnection, actor: Actor) -> None:
    """Remember who is calling for the routes."""
    connection.scope[_ACTOR] = actor


def find_known(connection: HTTPConnection) -> Actor | None:
    """Return who is calling, if the guard has found out."""
    return connection.scope.get(_ACTOR)


def actor_of(connection: HTTPConnection) -> Actor:
    """Return who is calling, as the guard found out.

    Raises:
        Unauthorized: the address is open to all, and nobody came.
    """
    actor = find_known(connection)
    if actor is None:
        raise Unauthorized
    return actor


async def note_use(parts: ApiParts, presented: Presented) -> None:
    """Note now and then that a login or key is in use."""
    used_at = presented.used_at
    if used_at is not None and clock.now() - used_at < USE_RECORDED_EVERY:
        return
    try:
        with acting.as_user(presented.actor.user_id):
            async with parts.db.transaction() as session:
                await identity.record_use(session, presented.actor)
    except SQLAlchemyError as error:
        # Worth a line, not worth refusing the request, e.g. when the disk is full.
        logger.warning("use_not_recorded", error=str(error))


async def _find_presented(connection: HTTPConnection) -> Presented | None:
    parts = parts_of(connection)
    text = bearer_of(connection)
    if text is not None:
        return await credentials.find_by_bearer(parts, text)
    header = connection.headers.get("cookie", "")
    return await credentials.find_by_cookies(parts, header)
