"""Keeps a run for its worker: a heartbeat that a busy event loop cannot hold up."""

import asyncio
import threading
from collections.abc import Callable
from contextvars import copy_context
from datetime import timedelta
from functools import partial
from types import TracebackType
from uuid import UUID

import structlog
from sqlalchemy.exc import OperationalError

from app.backend.core import clock
from app.backend.core.db import Database
from app.backend.runs import engine_repository

logger = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5
RENEW_SECONDS = 2.0


class Heartbeat:
    """Renews a lease from a thread with a connection of its own, and looks whether the owner wants a stop.

    Both callbacks are called in the loop that opened it. A database that is away is waited for: the epoch, not
    the clock, decides whether the run is still this worker's.
    """

    def __init__(
        self,
        sql_url: str,
        run_id: UUID,
        epoch: int,
        *,
        lease_seconds: float,
        on_stop: Callable[[], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._sql_url = sql_url
        self._run_id, self._epoch = run_id, epoch
        self._lease = timedelta(seconds=lease_seconds)
        self._renew_seconds = min(RENEW_SECONDS, lease_seconds / 3)
        self._on_stop, self._on_lost = on_stop, on_lost
        self._caller = asyncio.get_running_loop()
        self._end = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._has_begun = threading.Event()
        self._thread = threading.Thread(
            # With the ids that this task's lines of the log carry.
            target=partial(copy_context().run, self._run),
            name="heartbeat",
            daemon=True,
        )

    async def __aenter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self._has_begun.wait)
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        asyncio.run(self._beat())

    async def _beat(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._has_begun.set()
        due = clock.monotonic() + self._renew_seconds
        # Many runs end before the first look, and the beginning of a run has no time to lose.
        if await self._has_ended():
            return
        db = Database(self._sql_url)
        try:
            while True:
                try:
                    if clock.monotonic() >= due:
                        await self._renew(db)
                        due = clock.monotonic() + self._renew_seconds
                    await self._look(db)
                except OperationalError as error:
                    logger.warning("heartbeat_failed", error=str(error))
                if await self._has_ended():
                    return
        finally:
            await db.close()

    async def _has_ended(self) -> bool:
        try:
            async with asyncio.timeout(min(LOOK_SECONDS, self._renew_seconds)):
                return await self._end.wait()
        except TimeoutError:
            return False

    async def _renew(self, db: Database) -> None:
        until = clock.now() + self._lease
        async with db.transaction() as session:
            is_ours = await engine_repository.renew_lease(
                session, self._run_id, self._epoch, until
            )
        if not is_ours:
            self._end.set()
            self._caller.call_soon_threadsafe(self._on_lost)

    async def _look(self, db: Database) -> None:
        async with db.read() as session:
            wants_stop = await engine_repository.is_stop_requested(
                session, self._run_id
            )
        if wants_stop:
            self._caller.call_soon_threadsafe(self._on_stop)
