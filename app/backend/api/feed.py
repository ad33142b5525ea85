"""The Socket.IO namespace /feed: a run's log for the log widget, batch by batch, at the viewer's pace."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

import structlog
from pydantic import BaseModel, Field, ValidationError
from socketio import (  # pyright: ignore[reportMissingTypeStubs] - it ships none
    AsyncNamespace,
)
from socketio.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
    ConnectionRefusedError as Refused,
)
from socketio.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
    DisconnectedError,
)
from starlette.datastructures import Headers

from app.backend.api.feed_wire import Joiner
from app.backend.api.origin import is_same_origin
from app.backend.api.parts import ApiParts
from app.backend.core import acting, clock
from app.backend.core.actor import Actor, Permission
from app.backend.core.errors import AppError, Forbidden, Invalid, Unauthorized
from app.backend.identity import cookies, credentials
from app.backend.runs import service as runs
from app.backend.runs.counting import count_events
from app.backend.runs.packing import Row, Table
from app.backend.runs.schemas import EventFilter, RunView

logger = structlog.get_logger(__name__)

NAMESPACE = "/feed"
FOLLOWED_MAX = 20
# A tab that does not take a batch for this long is asleep; it follows again when it wakes up.
ANSWER_SECONDS = 30
CHECK_SECONDS = 4.0
AHEAD_MAX = 2
_TAIL_MAX = 10_000

Answer = dict[str, Any]
_Answered = asyncio.Future[None]
R = TypeVar("R", bound="_Request")


class _Request(BaseModel):
    """What every request names."""

    run_id: UUID


class _Follow(_Request):
    """Everything after `after`, or only the last `tail` events and what comes."""

    after: int = Field(0, ge=0)
    tail: int | None = Field(None, ge=0, le=_TAIL_MAX)


class _Page(_Request, EventFilter):
    """A stretch of the log."""


class FeedNamespace(AsyncNamespace):
    """Serves the log widgets of all browser tabs of this process."""

    def __init__(self, get_parts: Callable[[], ApiParts]) -> None:
        super().__init__(NAMESPACE)
        self._get_parts = get_parts
        self._cookies: dict[str, str] = {}
        self._following: dict[str, dict[UUID, asyncio.Task[None]]] = defaultdict(dict)
        self._streams = count(1)

    async def on_connect(
        self, sid: str, environ: Mapping[str, Any], _auth: object = None
    ) -> None:
        """Let in who is signed in and comes from our own pages."""
        parts = self._get_parts()
        headers = _headers_of(environ)
        if not is_same_origin(headers, parts.settings):
            message = "This page is not part of this installation."
            raise Refused(message)
        sent = headers.get("cookie", "")
        self._cookies[sid] = cookies.open_header(sent, parts.keyring)
        try:
            await self._find_actor(sid)
        except AppError as error:  # lint-skip: edge-catch
            del self._cookies[sid]
            raise Refused(error.message, {"code": error.code}) from None

    async def on_disconnect(self, sid: str, _reason: object = None) -> None:
        """Forget the tab and all that it followed."""
        self._cookies.pop(sid, None)
        for task in self._following.pop(sid, {}).values():
            task.cancel()

    async def on_follow(self, sid: str, request: object = None) -> Answer:
        """Send what the tab lacks of a run, then what comes, until the run ends."""

        async def answer(actor: Actor) -> Answer:
            wanted = _parse(_Follow, request)
            run = await self._find_run(actor, wanted.run_id)
            after = wanted.after
            if wanted.tail is not None:
                after = max(0, run.last_seq - wanted.tail)
            await self._start(sid, wanted.run_id, after)
            return {"last_seq": run.last_seq, "status": run.status}

        return await self._answer(sid, answer)

    async def on_unfollow(self, sid: str, request: object = None) -> Answer:
        """Stop sending a run."""

        async def answer(_actor: Actor) -> Answer:
            wanted = _parse(_Request, request)
            await _cancel(self._following[sid].pop(wanted.run_id, None))
            return {}

        return await self._answer(sid, answer)

    async def on_page(self, sid: str, request: object = None) -> Answer:
        """Return a stretch of the log: older events, or those that a filter or a search keeps."""

        async def answer(actor: Actor) -> Answer:
            wanted = _parse(_Page, request)
            async with self._get_parts().db.read() as session:
                page = await runs.list_events(
                    session, actor, run_id=wanted.run_id, filter=wanted
                )
            return page.model_dump(mode="json")

        return await self._answer(sid, answer)

    async def on_counts(self, sid: str, request: object = None) -> Answer:
        """Return how many events of each type the run has, and how many lines it wrote when."""

        async def answer(actor: Actor) -> Answer:
            wanted = _parse(_Request, request)
            async with self._get_parts().db.read() as session:
                counts = await count_events(session, actor, run_id=wanted.run_id)
            return counts.model_dump(mode="json")

        return await self._answer(sid, answer)

    async def _answer(
        self, sid: str, work: Callable[[Actor], Awaitable[Answer]]
    ) -> Answer:
        try:
            actor = await self._find_actor(sid)
            with acting.as_user(actor.user_id):
                return {"ok": True, **await work(actor)}
        except AppError as error:  # lint-skip: edge-catch
            return {"ok": False, "error": error.message, "code": error.code}

    async def _find_actor(self, sid: str) -> Actor:
        header = self._cookies.get(sid, "")
        presented = await credentials.find_by_cookies(self._get_parts(), header)
        if presented is None or presented.actor.must_add_factor:
            raise Unauthorized
        actor = presented.actor
        if not actor.may(Permission.VIEW_RUN):
            message = "You may not see runs. Ask an administrator."
            raise Forbidden(message)
        return actor

    async def _find_run(self, actor: Actor, run_id: UUID) -> RunView:
        async with self._get_parts().db.read() as session:
            return await runs.get_run(session, actor, run_id=run_id)

    async def _start(self, sid: str, run_id: UUID, after: int) -> None:
        following = self._following[sid]
        await _cancel(following.pop(run_id, None))
        if len(following) >= FOLLOWED_MAX:
            oldest = next(iter(following))
            await _cancel(following.pop(oldest))
        following[run_id] = asyncio.create_task(self._send_run(sid, run_id, after))

    async def _send_run(self, sid: str, run_id: UUID, after: int) -> None:
        stream = next(self._streams)
        begin = {"stream": stream, "run_id": str(run_id), "after": after}
        try:
            await self.emit("begin", begin, to=sid)
            status = await self._send_batches(sid, stream, run_id, after)
            await self.emit("end", {"stream": stream, "status": status}, to=sid)
        except (TimeoutError, DisconnectedError):
            logger.debug("viewer_does_not_answer", run_id=str(run_id))
        except AppError as error:  # lint-skip: edge-catch
            logger.info("viewer_sent_away", run_id=str(run_id), code=error.code)
            await self.disconnect(sid)

    async def _send_batches(
        self, sid: str, stream: int, run_id: UUID, after: int
    ) -> str:
        """Send until the run ends; returns its status then.

        Raises:
            NotFound: the run is gone, or no longer the viewer's.
        """
        joiner = Joiner()
        under_way: deque[_Answered] = deque()
        check_at = clock.monotonic() + CHECK_SECONDS
        async with aclosing(
            self._get_parts().feed.follow_batches(run_id, after)
        ) as found:
            async for batches in found:
                if clock.monotonic() >= check_at:
                    await self._find_run(await self._find_actor(sid), run_id)
                    check_at = clock.monotonic() + CHECK_SECONDS
                # Two go ahead of their answers, no more: a slow tab costs no memory and holds up nobody.
                if len(under_way) == AHEAD_MAX:
                    await wait_for_answer(under_way.popleft())
                items = joiner.join(batches)
                under_way.append(await self._deliver(sid, stream, items))
        for answered in under_way:
            await wait_for_answer(answered)
        actor = await self._find_actor(sid)
        return (await self._find_run(actor, run_id)).status

    async def _deliver(
        self, sid: str, stream: int, items: list[Table | Row]
    ) -> _Answered:
        # The server's own `call` refuses to work where handlers run in the receive loop, as Reflex's do.
        answered: _Answered = asyncio.get_running_loop().create_future()

        def note(*_: object) -> None:
            if not answered.done():
                answered.set_result(None)

        await self.emit("batch", (stream, items), to=sid, callback=note)
        return answered


async def wait_for_answer(answered: _Answered) -> None:
    """Return when the tab has taken a batch; a TimeoutError says that it sleeps."""
    async with asyncio.timeout(ANSWER_SECONDS):
        await answered


def _headers_of(environ: Mapping[str, Any]) -> Headers:
    scope = environ.get("asgi.scope")
    if scope is None:
        return Headers()
    return Headers(scope=scope)


def _parse(kind: type[R], request: object) -> R:
    try:
        return kind.model_validate(request)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "request"
        raise Invalid.field(name, f"{name}: {first['msg']}.") from None


async def _cancel(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait([task])
