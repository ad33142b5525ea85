"""Keeps the runs of a process for it: a heartbeat that a busy event loop cannot hold up."""

import asyncio
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog

from app.backend.core import acting, clock
from app.backend.core.db import AWAY, Database
from app.backend.runs import engine_repository

logger = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5
RENEW_SECONDS = 2.0
# Somebody who holds the row of one run for longer must not cost the others their leases.
LOCK_SECONDS = 0.3


@dataclass
class _Kept:
    """A run that this process works on, and whom to tell what, in the loop that asked for it."""

    run_id: UUID
    epoch: int
    on_stop: Callable[[], None]
    on_lost: Callable[[], None]
    caller: asyncio.AbstractEventLoop
    due: float


class Heartbeat:
    """Renews leases from one thread, with connections that no event loop uses, and looks whether owners want a stop.

    A database that is away is waited for: the epoch, not the clock, decides whether a run is still this process's.
    """

    def __init__(self, db: Database, *, lease_seconds: float) -> None:
        self._db = db
        self._lease = timedelta(seconds=lease_seconds)
        self._renew_seconds = min(RENEW_SECONDS, lease_seconds / 3)
        self._look_seconds = min(LOOK_SECONDS, self._renew_seconds)
        self._kept: dict[UUID, _Kept] = {}
        self._changing = threading.Lock()
        self._has_runs, self._end = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def keeping(
        self,
        run_id: UUID,
        epoch: int,
        *,
        on_stop: Callable[[], None],
        on_lost: Callable[[], None],
    ) -> Generator[None, None, None]:
        """Keep a run for the block; both callbacks are called in the event loop of now, and once more perhaps after it."""
        caller, due = asyncio.get_running_loop(), self._next_due()
        kept = _Kept(run_id, epoch, on_stop, on_lost, caller, due)
        with self._changing:
            self._kept[run_id] = kept
            self._has_runs.set()
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._beat, name="heartbeat", daemon=True
                )
                self._thread.start()
        try:
            yield
        finally:
            self._forget(kept)

    def close(self) -> None:
        """Return when the thread has ended."""
        self._end.set()
        self._has_runs.set()
        if self._thread is not None:
            self._thread.join()

    def _forget(self, kept: _Kept) -> None:
        with self._changing:
            # It may have been taken again meanwhile, with the next epoch.
            if self._kept.get(kept.run_id) is kept:
                del self._kept[kept.run_id]
            if not self._kept and not self._end.is_set():
                self._has_runs.clear()

    def _beat(self) -> None:
        while self._has_runs.wait():
            # Many runs end before the first look, and the beginning of a run has no time to lose.
            if self._end.wait(self._look_seconds):
                return
            with self._changing:
                kept = list(self._kept.values())
            # Runs of several people at once.
            with acting.as_system():
                for one in kept:
                    # What one run has to wait for is nothing to the others.
                    _try(partial(self._renew_when_due, one))
                # What ran meanwhile may have ended before the first look.
                if kept:
                    _try(partial(self._look, kept))

    def _look(self, kept: Sequence[_Kept]) -> None:
        look = partial(
            engine_repository.list_stop_requests,
            run_ids=[one.run_id for one in kept],
        )
        stopped = self._db.read_now(look)
        for one in kept:
            if one.run_id in stopped:
                _tell(one, one.on_stop)

    def _renew_when_due(self, kept: _Kept) -> None:
        is_left = self._kept.get(kept.run_id) is not kept
        if is_left or clock.monotonic() < kept.due:
            return
        # One by one: rows of several runs would be held together, and others hold some of them in another order.
        renew = partial(
            engine_repository.renew_lease,
            run_id=kept.run_id,
            epoch=kept.epoch,
            lease_until=clock.now() + self._lease,
        )
        if self._db.write_now(renew, lock_seconds=LOCK_SECONDS):
            kept.due = self._next_due()
        else:
            self._forget(kept)
            _tell(kept, kept.on_lost)

    def _next_due(self) -> float:
        return clock.monotonic() + self._renew_seconds


def _try(work: Callable[[], None]) -> None:
    try:
        work()
    except AWAY as error:
        logger.warning("heartbeat_failed", error=str(error))
    except Exception:  # lint-skip: edge-catch
        # Without it the runs would be somebody else's soon, and this process would not know.
        logger.exception("heartbeat_broken")


def _tell(kept: _Kept, callback: Callable[[], None]) -> None:
    kept.caller.call_soon_threadsafe(callback)
