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

from app.backend.core import clock
from app.backend.core.db import AWAY, Database
from app.backend.runs import engine_repository

logger = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5
RENEW_SECONDS = 2.0


class Heartbeat:
    """Renews a lease from a thread, with connections that no event loop uses, and looks whether the owner wants a stop.

    Both callbacks are called in the loop that opened it. A database that is away is waited for: the epoch, not
    the clock, decides whether the run is still this worker's.
    """

    def __init__(
        self,
        db: Database,
        run_id: UUID,
        epoch: int,
        *,
        lease_seconds: float,
        on_stop: Callable[[], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._db = db
        self._run_id, self._epoch = run_id, epoch
        self._lease = timedelta(seconds=lease_seconds)
        self._renew_seconds = min(RENEW_SECONDS, lease_seconds / 3)
        self._look_seconds = min(LOOK_SECONDS, self._renew_seconds)
        self._on_stop, self._on_lost = on_stop, on_lost
        self._caller = asyncio.get_running_loop()
        self._end = threading.Event()
        self._thread = threading.Thread(
            # With the ids that this task's lines of the log carry.
            target=partial(copy_context().run, self._beat),
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
        self._end.set()
        await asyncio.to_thread(self._thread.join)

    def _beat(self) -> None:
        due = clock.monotonic() + self._renew_seconds
        # Many runs end before the first look, and the beginning of a run has no time to lose.
        while not self._end.wait(self._look_seconds):
            try:
                if clock.monotonic() >= due:
                    self._renew()
                    due = clock.monotonic() + self._renew_seconds
                self._look()
            except AWAY as error:
                logger.warning("heartbeat_failed", error=str(error))
            except Exception:  # lint-skip: edge-catch
                # Without it the run would be somebody else's soon, and this worker would not know.
                logger.exception("heartbeat_broken")

    def _renew(self) -> None:
        renew = partial(
            engine_repository.renew_lease,
            run_id=self._run_id,
            epoch=self._epoch,
            lease_until=clock.now() + self._lease,
        )
        if not self._db.write_now(renew):
            self._end.set()
            self._caller.call_soon_threadsafe(self._on_lost)

    def _look(self) -> None:
        look = partial(engine_repository.is_stop_requested, run_id=self._run_id)
        if self._db.read_now(look):
            self._caller.call_soon_threadsafe(self._on_stop)
