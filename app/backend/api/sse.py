"""A run's events as Server-Sent Events, and the loop that every long connection shares."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TypeVar

from starlette.requests import HTTPConnection
from starlette.responses import StreamingResponse

from app.backend.api import auth
from app.backend.core import clock
from app.backend.core.errors import Invalid
from app.backend.core.stored_events import RunEvent

MEDIA_TYPE = "text/event-stream"
SEQ_MAX = 2**31 - 1
# How long a login that has ended may go on with an open connection.
CHECK_SECONDS = 4.0
# How long a browser waits before it connects again.
RETRY_MILLISECONDS = 1000
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

T = TypeVar("T")


def stream(
    connection: HTTPConnection, frames: AsyncGenerator[str, None]
) -> StreamingResponse:
    """Return the answer that sends `frames` as they come, and signs of life while there are none."""
    return StreamingResponse(
        _with_signs_of_life(connection, frames),
        media_type=MEDIA_TYPE,
        headers=_HEADERS,
    )


async def frames_of(
    batches: AsyncGenerator[list[RunEvent], None],
) -> AsyncGenerator[str, None]:
    """Yield a run's events as frames."""
    async with aclosing(batches):
        async for batch in batches:
            yield "".join(map(encode, batch))


def encode(event: RunEvent) -> str:
    """Return one event in the form that browsers' EventSource reads; its id is the `seq`."""
    return f"id: {event.seq}\nevent: {event.type}\ndata: {event.model_dump_json()}\n\n"


def last_event_id(connection: HTTPConnection) -> int | None:
    """Return the `seq` of the last event that a client has which connects again; None when it has none.

    Raises:
        Invalid: it is no `seq`.
    """
    last_id = connection.headers.get("last-event-id", "").strip()
    if not last_id:
        return None
    if not (last_id.isdecimal() and int(last_id) <= SEQ_MAX):
        message = f"Last-Event-ID is {last_id!r}; it must be the `seq` of an event."
        raise Invalid.field("Last-Event-ID", message)
    return int(last_id)


async def while_signed_in(
    connection: HTTPConnection, items: AsyncIterator[T]
) -> AsyncGenerator[T | None, None]:
    """Yield `items`, and None now and then while there are none; end soon after the caller's login ended."""
    upcoming: asyncio.Future[T] | None = None
    check_at = clock.monotonic() + CHECK_SECONDS
    try:
        while True:
            upcoming = upcoming or asyncio.ensure_future(_next(items))
            seconds = max(0.0, check_at - clock.monotonic())
            await asyncio.wait({upcoming}, timeout=seconds)
            if clock.monotonic() >= check_at:
                if not await auth.is_still_signed_in(connection):
                    return
                check_at = clock.monotonic() + CHECK_SECONDS
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


async def _with_signs_of_life(
    connection: HTTPConnection, frames: AsyncGenerator[str, None]
) -> AsyncGenerator[str, None]:
    async with aclosing(frames), aclosing(while_signed_in(connection, frames)) as sent:
        yield f"retry: {RETRY_MILLISECONDS}\n\n"
        async for frame in sent:
            # A comment keeps proxies from closing a quiet connection.
            yield ": still here\n\n" if frame is None else frame


async def _next(items: AsyncIterator[T]) -> T:
    return await anext(items)
