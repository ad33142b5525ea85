"""Writes a run's events: in order, in batches, fenced by the lease, then told to the viewers.

The producer only appends to a buffer. A ticker writes it: at once when a message begins to speak, so that the first
token is not held back; else at the end of a window, which is the same for all runs of a process, so that they write
together; and after a write that took long, not for as long, up to a tenth of a second. The rows never wait for Redis.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from types import TracebackType
from typing import Protocol
from uuid import UUID

import structlog
from sqlalchemy import Connection

from app.backend.core import clock
from app.backend.core.db import AWAY, Database
from app.backend.core.run_context import SavedStep
from app.backend.core.run_events import Event, MessageDelta
from app.backend.core.stored_events import RunEvent
from app.backend.runs import engine_repository, event_rows, redaction
from app.backend.runs.errors import LeaseLost, LogOverflow
from app.backend.runs.folding import Entry, fold_all, fold_neighbours
from app.backend.runs.status import number_events
from app.backend.usage.recording import Whose, record_usage

logger = structlog.get_logger(__name__)

WINDOW_SECONDS = 0.025
# While a model says more than so many words in a window, two windows are one: each costs bytes on the way to a browser.
QUICK_WORDS = 3
PAUSE_SECONDS_MAX = 0.1
# Above the first number words that wait are folded, message by message; more than the second are never kept.
PRESSURE_EVENTS = 2_000
BUFFER_EVENTS_MAX = 50_000
BATCH_EVENTS_MAX = 2_000
RETRY_SECONDS = 0.2
_CALL = "usage_recorded"
# Multiples of it lie as far apart as can be, whatever their number.
_GOLDEN = 0.618034
SETTLE_LAST_SECONDS = 1.0
# Tells viewers about events that were stored together, run by run, from a thread; it never raises, and never waits for
# whoever hears it.
Publish = Callable[[Sequence[Sequence[RunEvent]]], None]
# Counts the calls that stored events tell of.
Settle = Callable[[Sequence[RunEvent]], Coroutine[None, None, None]]


class Claim(Protocol):
    """What the log must know of the run that it writes."""

    id: UUID
    owner_id: UUID
    agent_id: UUID | None
    agent_name: str
    thread_id: UUID | None
    root_id: UUID
    epoch: int
    last_seq: int


class EventLog:
    """The one writer of a run's events while its lease is held.

    `root_agent_id` is the agent of the first run of its tree, if the run is not that one. `settle` is for events that tell of
    a model's call.
    """

    def __init__(
        self,
        db: Database,
        claim: Claim,
        publish: Publish,
        *,
        root_agent_id: UUID | None = None,
        settle: Settle | None = None,
    ) -> None:
        self._db = db
        self._run_id = claim.id
        self._whose = Whose(
            owner_id=claim.owner_id,
            agent_id=claim.agent_id,
            agent_name=claim.agent_name,
            root_id=claim.root_id,
            root_agent_id=root_agent_id or claim.agent_id,
        )
        self._thread_id = claim.thread_id
        self._epoch = claim.epoch
        self._last_seq = claim.last_seq
        self._publish, self._settle = publish, settle
        self._buffer: deque[Entry] = deque()
        self._streams = redaction.Streams(redaction.installed)
        self._fold_at = PRESSURE_EVENTS
        self._steps: list[SavedStep] = []
        self._has_news = asyncio.Event()
        self._is_due = asyncio.Event()
        self._writing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._settling: set[asyncio.Task[None]] = set()
        self._is_sealed = False
        self._message_id: UUID | None = None
        self.lost = asyncio.Event()

    async def __aenter__(self) -> "EventLog":
        self._start(self._tick(), self._tasks)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._settling:
            await asyncio.wait(self._settling, timeout=SETTLE_LAST_SECONDS)
        tasks = self._tasks | self._settling
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def last_seq(self) -> int:
        """Seq of the newest stored event."""
        return self._last_seq

    def append(self, event: Event) -> None:
        """Add an event to the log; returns at once.

        While the database takes none, the words of each message become one event; nothing else is folded, or lost.

        Raises:
            LogOverflow: the database has not taken events for too long, and those that wait are not words.
        """
        if self._is_sealed:
            return
        for one in self._streams.take(event):
            self._add(one)

    def _release(self) -> None:
        # Whoever asks for all of it does not wait for the rest of a word that might be a secret.
        if not self._is_sealed:
            for one in self._streams.release():
                self._add(one)

    def _add(self, event: Event) -> None:
        if len(self._buffer) >= self._fold_at:
            self._relieve()
        self._buffer.append((clock.now(), event))
        self._has_news.set()
        # Somebody waits for the first words of an answer.
        if isinstance(event, MessageDelta) and event.message_id != self._message_id:
            self._message_id = event.message_id
            self._is_due.set()

    def _relieve(self) -> None:
        self._buffer = fold_all(self._buffer)
        if len(self._buffer) >= BUFFER_EVENTS_MAX:
            raise LogOverflow
        # The next time when as many have come again, so that an event costs the same however many wait.
        twice = max(PRESSURE_EVENTS, 2 * len(self._buffer))
        self._fold_at = min(twice, BUFFER_EVENTS_MAX)

    def note_step(self, step: SavedStep) -> None:
        """Vouch for a checkpoint, together with the next events."""
        if not self._is_sealed:
            self._steps.append(step)
            self._has_news.set()

    def seal(self) -> None:
        """Take no more events: what is said after the end was decided is not part of the run."""
        self._release()
        self._is_sealed = True

    async def flush(self) -> None:
        """Store all that was appended so far; it goes on when who waits for it is cancelled.

        Raises:
            LeaseLost: somebody else owns the run now; nothing was written.
        """
        self._release()
        # A stop cancels a tool that waits here: a write that is cut loses what it took out of the buffer.
        await asyncio.shield(self._start(self._flush(), self._tasks))

    async def _flush(self) -> None:
        async with self._writing:
            # What comes meanwhile waits for the next window, or a quick model would be written token by token.
            left, has_steps = len(self._buffer), bool(self._steps)
            while left or has_steps:
                # Fewer than before, when those that wait were folded meanwhile.
                left = min(left, len(self._buffer))
                size = min(left, BATCH_EVENTS_MAX)
                left -= size
                batch = fold_neighbours(self._buffer.popleft() for _ in range(size))
                steps, self._steps, has_steps = self._steps, [], False
                stored = await self._store(batch, steps)
                self._last_seq += len(stored)
                self._count_calls(stored)

    async def tell(self, events: Sequence[RunEvent]) -> None:
        """Tell viewers of events that were stored past this log, after those before them."""
        await asyncio.to_thread(self._publish, [events])
        self._count_calls(events)

    def _count_calls(self, events: Sequence[RunEvent]) -> None:
        if self._settle and any(event.type == _CALL for event in events):
            self._start(self._settle(events), self._settling)

    def _start(
        self, work: Coroutine[None, None, None], tasks: set[asyncio.Task[None]]
    ) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name="event-log")
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    async def _tick(self) -> None:
        not_before, windows = 0.0, 1
        while True:
            await self._has_news.wait()
            await self._wait_for_window(not_before, windows=windows)
            self._has_news.clear()
            self._is_due.clear()
            words = sum(isinstance(event, MessageDelta) for _, event in self._buffer)
            windows = _windows_after(words, windows)
            began = clock.monotonic()
            try:
                await self._flush()
            except LeaseLost:
                self.lost.set()
                return
            except Exception:  # lint-skip: edge-catch
                # What cannot be told to anybody is not gone on with: the run begins again elsewhere.
                logger.exception("event_log_broken", run_id=str(self._run_id))
                self.lost.set()
                return
            # A database that many write to at once gets larger batches, less often.
            ended = clock.monotonic()
            took = min(ended - began, PAUSE_SECONDS_MAX)
            not_before = ended + took

    async def _wait_for_window(self, not_before: float, *, windows: int) -> None:
        # A timeout would raise: forty times a second, with a traceback that only the garbage collector clears away.
        window = asyncio.get_running_loop().call_later(
            _until_window(not_before, windows * WINDOW_SECONDS), self._is_due.set
        )
        try:
            await self._is_due.wait()
        finally:
            window.cancel()

    async def _store(
        self, batch: Sequence[Entry], steps: Sequence[SavedStep]
    ) -> list[RunEvent]:
        times, events = [one[0] for one in batch], [one[1] for one in batch]
        stored, levels = number_events(self._run_id, self._last_seq, events, times)
        write = partial(self._write, stored=stored, levels=levels, steps=steps)
        while True:
            try:
                # In the same thread: the loop is woken once.
                await self._db.write(write, then=self._publish)
            except AWAY as error:
                # The lease decides how long this may last: without the database it cannot be renewed either.
                logger.warning(
                    "event_log_write_failed", run_id=str(self._run_id), error=str(error)
                )
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return stored

    def _write(
        self,
        connection: Connection,
        stored: Sequence[RunEvent],
        levels: Sequence[str],
        steps: Sequence[SavedStep],
    ) -> Sequence[RunEvent]:
        old, new = self._last_seq, self._last_seq + len(stored)
        held = {"epoch": self._epoch, "new": new}
        if event_rows.advance(connection, self._run_id, old=old, **held):
            engine_repository.insert_steps(
                connection,
                steps,
                run_id=self._run_id,
                owner_id=self._whose.owner_id,
                epoch=self._epoch,
                thread_id=self._thread_id,
                agent_id=self._whose.agent_id,
            )
            if stored:
                owner_id = self._whose.owner_id
                event_rows.insert_events(connection, owner_id, stored, levels)
                record_usage(connection, stored, self._whose)
        elif not event_rows.was_advanced(connection, self._run_id, **held):
            raise LeaseLost
        return stored


def _windows_after(words: int, windows: int) -> int:
    """Return how many windows to wait for next, after so many words in the last ones."""
    return 2 if words > QUICK_WORDS * windows else 1


def _until_window(not_before: float, width: float) -> float:
    """Return the seconds until the window of `width` ends that is open now, or at `not_before`."""
    now = clock.monotonic()
    # Processes that wrote at the same moment would wait for each other; two windows of a process end where one does.
    phase = os.getpid() * _GOLDEN % 1 * WINDOW_SECONDS
    since = max(now, not_before)
    return since - now + width - (since - phase) % width
