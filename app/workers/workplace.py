"""Where a horse works: an event loop with the parts open, made ready before there is a job, and kept between jobs."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar
from weakref import WeakSet

import structlog
from sqlmodel import select

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core import redis as redis_names
from app.backend.core import settings as settings_module
from app.backend.core.outbox import JOB_SECONDS_MAX
from app.backend.runs.upkeep import StandIn

logger = structlog.get_logger(__name__)

Work = Callable[[Services, asyncio.Event], Awaitable[None]]
R = TypeVar("R")
_CLOSE_SECONDS = 5.0
# What a job left behind gets so long to end by itself.
_LITTER_SECONDS = 0.5
# The tasks that a job has begun.
_begun: ContextVar["WeakSet[asyncio.Task[Any]] | None"] = ContextVar(
    "begun", default=None
)


class _Workplace:
    """The loop runs in a thread of its own; each job's thread waits for what it has asked for there."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_task_factory(_note_task)
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="jobs", daemon=True
        )
        self._thread.start()
        self._shutdown = asyncio.Event()
        self.is_littered = False
        # The engine of the parent has no connection, but has compiled the statements of a run.
        self._parts = bootstrap.build(settings_module.load(), shared=True)
        try:
            self._services = self._run(self._parts.__aenter__())
        except BaseException:
            self._end_loop()
            raise
        self._stand_in = StandIn(self._services)

    def do(self, work: Work) -> None:
        async def steps() -> None:
            begun = WeakSet[asyncio.Task[Any]]()
            _begun.set(begun)
            # RQ, which was told this number, does not count: its way to end a job needs the main thread.
            async with asyncio.timeout(JOB_SECONDS_MAX):
                await work(self._services, self._shutdown)
                await self._services.outbox.settle()
            left = {task for task in begun if not task.done()}
            if left:
                await asyncio.wait(left, timeout=_LITTER_SECONDS)
            if any(not task.done() for task in left):
                self.is_littered = True

        self._run(steps())

    def connect(self) -> None:
        self._run(_connect(self._services))

    def look_around(self) -> None:
        self._run(self._stand_in.look())

    def let_go(self) -> None:
        self._loop.call_soon_threadsafe(self._shutdown.set)

    def close(self) -> None:
        self._run(self._close())
        self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, R]) -> R:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _close(self) -> None:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await self._parts.__aexit__(None, None, None)


def _note_task(
    loop: asyncio.AbstractEventLoop, work: Any, **options: Any
) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
    begun = _begun.get()
    if begun is not None:
        begun.add(task)
    return task


_open: list[_Workplace] = []
_opening = threading.Lock()
_told: list[bool] = []


def get_ready() -> None:
    """Open the parts of this process ahead of its first job, and connect those that every run needs.

    Raises what the driver of a part raises that is away; a job then connects by itself.
    """
    _place().connect()


def do_job(work: Work) -> None:
    """Do a job; the event that it gets is set when this process has to let go of it."""
    _place().do(work)


def look_around() -> None:
    """Do what the scheduler does when none lives; for those who have nothing else to do."""
    _place().look_around()


def let_go() -> None:
    """Ask the job to let go, and take no other; a signal handler may call it."""
    _told.append(True)
    if _open:
        _open[0].let_go()


def is_let_go() -> bool:
    """Tell whether this process was asked to let go."""
    return bool(_told)


def is_littered() -> bool:
    """Tell whether a job left something behind that goes on in this process."""
    return bool(_open) and _open[0].is_littered


def close() -> None:
    """Close the parts."""
    for place in _open:
        place.close()
    _open.clear()


def _place() -> _Workplace:
    with _opening:
        if not _open:
            _open.append(_Workplace())
        return _open[0]


async def _connect(services: Services) -> None:
    async with services.db.read() as session:
        await session.exec(select(1))
    async with asyncio.timeout(redis_names.ANSWER_SECONDS):
        # Two at once open two connections: a run listens on one of them.
        await asyncio.gather(
            *(services.redis.execute_command("PING") for _ in range(2)),
            asyncio.to_thread(services.blocking.ping),
        )
    await services.checkpoints.open()
