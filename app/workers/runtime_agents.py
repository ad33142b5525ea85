"""Whole agents at the runtime: `POST /execute`, as JSON or as a stream of the run's events."""

import asyncio
from collections.abc import AsyncGenerator

from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor, Permission
from app.backend.core.errors import Forbidden, NotFound
from app.backend.core.run_events import Event
from app.backend.identity import service as identity
from app.backend.runs.execute import (
    RESULT,
    ExecuteBody,
    ExecuteResult,
    execute,
    owner_of_run,
)
from app.workers.runtime_auth import actor_of
from app.workers.runtime_edge import CLIENT_LEFT, read_body, until_disconnect

_STREAM = "text/event-stream"


class AgentRoutes:
    """Runs agents for those who may."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def execute(self, request: Request) -> Response:
        """`POST /execute`; the work ends when the caller leaves."""
        body = await read_body(request, ExecuteBody)
        actor = await self._actor(request, body)
        if actor_of(request) is not None:
            # Only another process of this installation may vouch for a run.
            body = body.model_copy(update={"run_id": None})
        run = ExecuteStream(self._services, actor, body)
        if _STREAM in request.headers.get("accept", ""):
            return await _stream(request, run)
        result = await until_disconnect(request, run.finish())
        if result is None:
            return CLIENT_LEFT
        return _whole(result)

    async def _actor(self, request: Request, body: ExecuteBody) -> Actor:
        actor = actor_of(request) or await self._owner(body)
        if not actor.may(Permission.ADD_RUN):
            message = "This API key may not start runs. Use a key of somebody who may."
            raise Forbidden(message)
        return actor

    async def _owner(self, body: ExecuteBody) -> Actor:
        if body.run_id is None:
            message = "The internal token needs the run_id that it works for. Use an API key otherwise."
            raise Forbidden(message)
        owner_id = await owner_of_run(self._services.db, body.run_id)
        if owner_id is None:
            raise NotFound("run", body.run_id)
        async with self._services.db.read() as session:
            return await identity.get_actor(session, owner_id)


class ExecuteStream:
    """One run: what happens in it, then how it ended."""

    def __init__(self, services: Services, actor: Actor, body: ExecuteBody) -> None:
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._work = asyncio.create_task(execute(services, actor, body, self._emit))
        self._work.add_done_callback(lambda _: self._events.put_nowait(None))

    @property
    def is_done(self) -> bool:
        """Whether the run has ended."""
        return self._work.done()

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield what happens, as it happens; closing this ends the run."""
        try:
            while (event := await self._events.get()) is not None:
                yield event
        finally:
            self._work.cancel()

    async def finish(self) -> ExecuteResult:
        """Return how the run ended and all that happened."""
        events = [event.model_dump(mode="json") async for event in self.events()]
        return self.result().model_copy(update={"events": events})

    def result(self) -> ExecuteResult:
        """Return how the run ended, or raise what it raised."""
        return self._work.result()

    def _emit(self, event: Event) -> None:
        self._events.put_nowait(event)


async def _stream(request: Request, run: ExecuteStream) -> Response:
    # The status code waits for the first event: an unknown agent is a 404, not a broken stream.
    events = run.events()
    first = await until_disconnect(request, _first(events))
    if first is None:
        return _whole(run.result()) if run.is_done else CLIENT_LEFT

    async def lines() -> AsyncGenerator[dict[str, str], None]:
        try:
            yield _line(first)
            async for event in events:
                yield _line(event)
            yield {"event": RESULT, "data": run.result().model_dump_json()}
        finally:
            await events.aclose()

    return EventSourceResponse(lines(), sep="\n")


def _line(event: Event) -> dict[str, str]:
    return {"event": event.type, "data": event.model_dump_json()}


def _whole(result: ExecuteResult) -> Response:
    return JSONResponse(result.model_dump(mode="json"))


async def _first(events: AsyncGenerator[Event, None]) -> Event | None:
    return await anext(events, None)
