"""What all routes of the runtime share: reading a body, explaining an error, noticing that the caller left."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.backend.api.errors import details_of, internal_error, response_of
from app.backend.core import ids
from app.backend.core.errors import AppError, Invalid

logger = structlog.get_logger(__name__)

B = TypeVar("B", bound=BaseModel)
T = TypeVar("T")
Route = Callable[[Request], Awaitable[Response]]
Explain = Callable[[AppError], Response]

BODY_BYTES_MAX = 16 * 1024 * 1024
CLIENT_LEFT = Response(status_code=499)


class BodyTooLarge(AppError):
    """The request is larger than any prompt."""

    code = "BODY_TOO_LARGE"
    status = 413


def edge(route: Route, explain: Explain = response_of) -> Route:
    """Return `route` with its errors turned into answers."""

    async def answer(request: Request) -> Response:
        try:
            return await route(request)
        except AppError as error:
            return explain(error)
        except ClientDisconnect:
            return CLIENT_LEFT
        except Exception:
            error_id = ids.new_id()
            logger.exception(
                "request_failed", path=request.url.path, error_id=str(error_id)
            )
            return internal_error(error_id)

    return answer


async def read_body(request: Request, kind: type[B]) -> B:
    """Return the JSON body of `request`.

    Raises:
        BodyTooLarge: it is longer than 16 MB.
        Invalid: it is not JSON, or its fields are wrong.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_BYTES_MAX:
            message = f"The request is larger than {BODY_BYTES_MAX // 2**20} MB. Send less at once."
            raise BodyTooLarge(message)
    try:
        return kind.model_validate_json(bytes(body))
    except ValidationError as error:
        found: list[Any] = list(error.errors())
        raise Invalid(details_of(found)) from None


async def until_disconnect(request: Request, work: Awaitable[T]) -> T | None:
    """Return what `work` returns, or cancel it and return None as soon as the caller is gone."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        leaving.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
