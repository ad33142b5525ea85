"""A run's events as Server-Sent Events, and the loop that every long connection shares."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TypeVar

from starlette.requests import HTTPConnection
from starlette.responses import StreamingResponse

from app.backend.api import auth
from app.backend.core import clock
from app.backend.core.run_events import RunEvent

MEDIA_TYPE = "text/event-stream"
# How long a login that has ended may go on with an open connection.
CHECK_SECONDS = 4.0
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

T = TypeVar("T")


def stream(
    connection: HTTPConnection, batches: AsyncIterator[list[RunEvent]]
) -> StreamingResponse:
    """Return the answer that sends `batches` as they come."""
    return StreamingResponse(
        _encoded(connection, batches), media_type=MEDIA_TYPE, headers=_HEADERS
    )


def encode(event: RunEvent) -> str:
    """Return one event in the form that browsers' EventSource reads; its id is the `seq`."""
    return f"id: {event.seq}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n"


async def while_signed_in(
    connection: HTTPConnection,
    items: AsyncIterator[T],
    *,
    check_seconds: float = CHECK_SECONDS,
) -> AsyncGenerator[T | None, None]:
    """Yield `items`, and None now and then while there are none; end soon after the caller's login ended."""
    upcoming: asyncio.Future[T] | None = None
    check_at = clock.monotonic() + check_seconds
    try:
        while True:
            upcoming = upcoming or asyncio.ensure_future(_next(items))
            seconds = max(0.0, check_at - clock.monotonic())
            await asyncio.wait({upcoming}, timeout=seconds)
            if clock.monotonic() >= check_at:
                if not await auth.is_still_signed_in(connection):
                    return
                check_at = clock.monotonic() + check_seconds
            if not upcoming.done():
                yield None
                continue
            ready, upcoming = upcoming, None
            try:
                item = ready.result()
            except StopAsyncIteration:
                return
            yield item
    finally:
        if upcoming is not None:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)


async def _encoded(
    connection: HTTPConnection, batches: AsyncIterator[list[RunEvent]]
) -> AsyncGenerator[str, None]:
    async with aclosing(while_signed_in(connection, batches)) as followed:
        async for batch in followed:
            # A comment keeps proxies from closing a quiet connection.
            yield ": still here\n\n" if batch is None else "".join(map(encode, batch))


async def _next(items: AsyncIterator[T]) -> T:
    return await anext(items)
