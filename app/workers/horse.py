"""A horse: a child that a worker forks ahead, which does jobs in one or more slots."""

import ctypes
import os
import random
import resource
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import structlog
from redis.exceptions import RedisError

from app.backend.core import redis
from app.backend.core.settings import Settings
from app.workers import workplace
from app.workers.leash import Leash, Token
from app.workers.slot import Slot

logger = structlog.get_logger(__name__)

RECONNECT_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1
_MEGABYTE = 1024 * 1024


class Horse:
    """One process and its slots, of which at most one waits for a job: the others have one."""

    def __init__(self, settings: Settings, leash: Leash, token: Token) -> None:
        self._settings, self._leash, self._token = settings, leash, token
        self._changing = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._busy: set[Slot] = set()
        self._next: Slot | None = None
        self._is_opening = False
        self._jobs = 0
        self._error: Exception | None = None

    def work(self) -> None:
        """Do jobs until this process has to end."""
        with self._changing:
            self._open_slot()
        # A slot may open another one before it ends.
        for thread in self._threads:
            thread.join()
        if self._error is not None:
            raise self._error

    @property
    def is_done(self) -> bool:
        """Whether this process has to end: it was let go, told to stop, or has worked enough."""
        return (
            workplace.is_let_go()
            or not self._leash.is_held()
            or self._jobs >= self._settings.worker_jobs_max
            or (self._jobs > 0 and memory_in_mb() > self._settings.worker_memory_mb)
            or workplace.is_littered()
            or self._error is not None
        )

    def may_wait(self, slot: Slot) -> bool:
        """Tell whether this slot is to wait for a job: no other one is, and this process takes jobs still."""
        return slot is self._next and not self.is_done

    def took(self, slot: Slot, queue: str, job_id: str, subject: str) -> None:
        """Let another slot wait, if this process may do one more job at once."""
        with self._changing:
            self._leash.took(slot.name, queue, job_id, subject)
            self._busy.add(slot)
            if slot is self._next:
                self._next = None
                if len(self._busy) < slots_of(self._settings):
                    self._open_slot()

    def is_free(self, slot: Slot) -> None:
        """Let this slot wait, unless another one does; what reads documents goes on with them."""
        with self._changing:
            self._jobs += 1
            self._busy.discard(slot)
            self._leash.is_free(slot.name)
            if self.is_done:
                self._leash.takes_no_more()
            is_alone = self._next is None and not self._is_opening
            # The next document must not wait until the other slot looks around.
            if is_alone or self._token.is_held(slot.name):
                self._next = slot

    def _open_slot(self) -> None:
        self._is_opening = True
        thread = threading.Thread(target=self._keep_slot, name="slot", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _keep_slot(self) -> None:
        try:
            # A Redis that is away is waited for.
            while self._is_lost(self._use_slot()):
                self._leash.wait(RECONNECT_SECONDS)
        except Exception as error:  # noqa: BLE001 - the process ends with it, when the other slots have none of their jobs left
            self._error = error

    def _use_slot(self) -> Slot | None:
        """Do jobs in a slot; returns it when it is no longer needed, or RQ has let go of it."""
        slot = None
        connection = redis.connect_blocking(self._settings.redis_url)
        try:
            slot = Slot(connection, self._settings, self, self._token)
            slot.get_redis_server_version()
            with self._changing:
                self._is_opening = False
                self._next = self._next or slot
            slot.work(logging_level="WARNING")
        except (RedisError, OSError) as error:
            logger.warning("horse_lost_redis", error=str(error))
        finally:
            connection.close()
            if slot is not None:
                self._token.give_back(slot.name)
        return slot

    def _is_lost(self, slot: Slot | None) -> bool:
        """Tell whether another slot has to take the place of this one, which waited for a job or was about to."""
        with self._changing:
            if slot is not None and slot is not self._next:
                return False
            self._next, self._is_opening = None, True
            return not self.is_done


def slots_of(settings: Settings) -> int:
    """Return how many jobs a horse does at once."""
    return min(settings.worker_process_slots, settings.worker_slots)


def live(settings: Settings, leash: Leash, token: Token, parent: int) -> None:
    """Be a horse until it is let go; a Redis that is away is waited for."""
    _leave_with(parent)
    random.seed()
    try:
        workplace.get_ready()
    except Exception as error:  # noqa: BLE001 - whatever is away now, the horse must live to take jobs
        logger.warning("horse_not_ready", error=str(error))
    Horse(settings, leash, token).work()
    workplace.close()


def memory_in_mb() -> float:
    """Return how much memory this process uses, with what it shares; where the system does not tell, its most so far."""
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / _MEGABYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MEGABYTE


def _let_go(_number: int, _frame: FrameType | None) -> None:
    workplace.let_go()


def _leave_with(parent: int) -> None:
    # Signals of the worker's terminal are not for its horses.
    os.setpgrp()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _let_go)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)
