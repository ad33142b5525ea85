"""The horses of a worker: forks them from its memory, hears what they do, and gives back the run of one that dies.

The worker itself has no thread, no socket and no event loop, so that forking it is safe at any moment.
"""

import json
import os
import select
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import NoReturn

import structlog

from app.backend.core.settings import Settings
from app.workers import horse, rescue
from app.workers.leash import Leash, Token

logger = structlog.get_logger(__name__)

# One horse waits for a job while slots are free; more than that stay only for a while after they were needed.
_RESERVE = 1
_IDLE_SECONDS = 30.0
_TICK_SECONDS = 1.0
# After one that died without a job, as at a start without a database.
_PAUSE_SECONDS = 1.0
# What was told to let go and is still there then is killed.
_LET_GO_SECONDS = 10.0
_READ_BYTES = 65536


@dataclass
class _Member:
    held: int
    # By the slots that have them.
    jobs: dict[str, rescue.LostJob] = field(default_factory=dict[str, rescue.LostJob])
    free_since: float = field(default_factory=time.monotonic)
    takes_no_more: bool = False
    is_let_go: bool = False

    @property
    def stays(self) -> bool:
        """Whether it takes jobs still."""
        return not (self.is_let_go or self.takes_no_more)

    def hear(self, slot: str | None = None, **job: str) -> None:
        """Note what the horse tells."""
        if slot is None:
            self.takes_no_more = True
        elif job:
            self.jobs[slot] = rescue.LostJob(slot=slot, **job)
        else:
            self.jobs.pop(slot, None)
        self.free_since = time.monotonic()


class Herd:
    """All horses of this worker, and the small processes that rescue what dead ones had."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._members: dict[int, _Member] = {}
        self._rescuers: set[int] = set()
        self._rest = b""
        self._fork_at = 0.0
        self._hurry_at: float | None = None
        self._kill_at: float | None = None

    def work(self) -> None:
        """Keep horses until told to stop, and all of them are gone."""
        self._read_end, self._write_end = os.pipe()
        self._woken, self._wake = os.pipe()
        for descriptor in (self._woken, self._wake):
            os.set_blocking(descriptor, False)
        signal.signal(signal.SIGCHLD, _ignore)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        with tempfile.TemporaryFile() as token:
            self._token = Token(token)
            while self._hurry_at is None or self._members or self._rescuers:
                self._arrange()
                self._listen()
                self._reap()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        # The first signal lets jobs come to a good end, the second asks them to let go at once.
        now = time.monotonic()
        is_first = self._hurry_at is None
        self._hurry_at = now + self._settings.worker_drain_seconds if is_first else now

    def _arrange(self) -> None:
        now = time.monotonic()
        if self._hurry_at is not None:
            self._dismiss(list(self._members.values()))
            self._hurry(now)
            return
        size = horse.slots_of(self._settings)
        members = self._members.values()
        waiting = [one for one in members if one.stays and len(one.jobs) < size]
        taken = sum(size if one.stays else len(one.jobs) for one in members)
        has_slots = taken + size <= self._settings.worker_slots
        if len(waiting) < _RESERVE and has_slots and now >= self._fork_at:
            self._fork_horse()
        elif len(waiting) > _RESERVE:
            rested = [
                one
                for one in waiting
                if not one.jobs and now - one.free_since > _IDLE_SECONDS
            ]
            self._dismiss(rested[: len(waiting) - _RESERVE])

    def _dismiss(self, members: list[_Member]) -> None:
        for member in members:
            if not member.is_let_go:
                member.is_let_go = True
                os.close(member.held)

    def _hurry(self, now: float) -> None:
        if self._hurry_at is None or now < self._hurry_at:
            return
        if self._kill_at is None:
            self._kill_at = now + _LET_GO_SECONDS
            self._signal_all(signal.SIGTERM)
        elif now > self._kill_at:
            self._signal_all(signal.SIGKILL)

    def _signal_all(self, number: int) -> None:
        for pid in (*self._members, *self._rescuers):
            os.kill(pid, number)

    def _listen(self) -> None:
        until = _TICK_SECONDS
        if self._hurry_at is not None and self._kill_at is None:
            until = min(until, max(0.0, self._hurry_at - time.monotonic()))
        readable, _, _ = select.select([self._read_end, self._woken], [], [], until)
        if self._woken in readable:
            os.read(self._woken, _READ_BYTES)
        if self._read_end in readable:
            self._read_news()

    def _read_news(self) -> None:
        *lines, self._rest = (self._rest + os.read(self._read_end, _READ_BYTES)).split(
            b"\n"
        )
        for line in lines:
            news = json.loads(line)
            member = self._members.get(news.pop("pid"))
            if member is None:
                continue
            member.hear(**news)

    def _reap(self) -> None:
        while self._members or self._rescuers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            # What it told last is read before its end is believed.
            if select.select([self._read_end], [], [], 0)[0]:
                self._read_news()
            self._rescuers.discard(pid)
            member = self._members.pop(pid, None)
            if member is not None:
                self._bury(pid, member, os.waitstatus_to_exitcode(status))

    def _bury(self, pid: int, member: _Member, code: int) -> None:
        self._dismiss([member])
        if code == 0:
            return
        lost = list(member.jobs.values())
        logger.warning("horse_died", pid=pid, code=code, jobs=lost)
        if not lost:
            self._fork_at = time.monotonic() + _PAUSE_SECONDS
            return
        self._rescuers.add(self._fork(lambda: rescue.rescue(pid, lost)))

    def _fork_horse(self) -> None:
        held, kept = os.pipe()
        leash, parent = Leash(held, self._write_end), os.getpid()

        def live() -> None:
            os.close(kept)
            horse.live(self._settings, leash, self._token, parent)

        pid = self._fork(live)
        os.close(held)
        self._members[pid] = _Member(kept)

    def _fork(self, work: Callable[[], None]) -> int:
        pid = os.fork()
        if pid == 0:
            self._become(work)
        return pid

    def _become(self, work: Callable[[], None]) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            # A leash whose other end stays open here would hold its horse for ever.
            held = [one.held for one in self._members.values() if not one.is_let_go]
            for descriptor in (self._read_end, self._woken, self._wake, *held):
                os.close(descriptor)
            work()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException:  # noqa: BLE001 - whatever happens, the child must not go on as a second worker
            traceback.print_exc()
        finally:
            os._exit(code)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Wake the loop, nothing more."""
