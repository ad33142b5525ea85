"""Carries out one run in a worker: claim, work, stop, end; the rows say at each moment what is true."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from uuid import UUID

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import OperationalError

from app.backend.agents.schemas import Execution
from app.backend.core import redis as redis_names
from app.backend.core.db import Session
from app.backend.core.errors import NotFound
from app.backend.core.run_context import RunContext
from app.backend.core.run_events import (
    Event,
    Log,
    MessageDelta,
    MessageStarted,
    RunCompleted,
    RunEvent,
    RunStatus,
    RunStopped,
    TerminalEvent,
    UsageRecorded,
)
from app.backend.runs import engine_repository
from app.backend.runs.claiming import (
    Claim,
    EngineParts,
    claim_run,
    prepare_run,
)
from app.backend.runs.errors import LeaseLost
from app.backend.runs.event_log import RETRY_SECONDS, EventLog
from app.backend.runs.lease import Heartbeat
from app.backend.runs.live import publish
from app.backend.runs.recovery import forget_steps
from app.backend.runs.remote import run_remote
from app.backend.runs.runner import Work, run_agent, run_to_end
from app.backend.runs.service import job_of
from app.backend.runs.status import change_status, end_run
from app.backend.threads import service as threads
from app.backend.threads.schemas import MessageRole

logger = structlog.get_logger(__name__)

# A model that does not let go within this time is left behind; its words no longer count.
CANCEL_SECONDS = 0.3
SIGNAL_RETRY_SECONDS = 1.0
SHUT_DOWN = "The worker before was shut down."

_Write = Callable[[Session], Awaitable[list[RunEvent]]]


async def execute_run(
    parts: EngineParts, run_id: UUID, *, worker: str, shutdown: asyncio.Event
) -> None:
    """Carry out a queued run; does nothing when the run is no longer queued.

    When `shutdown` is set, the run goes back into the queue, for another worker or for the next start, which goes on
    after its last step.
    """
    row = await claim_run(parts, run_id, worker=worker)
    claim = await prepare_run(parts, row) if row is not None else None
    if claim is None:
        return
    try:
        await _Execution(parts, claim, shutdown).run()
    except LeaseLost:
        logger.warning("run_lease_lost", run_id=str(run_id))


class _Execution:
    """One claim of one run, to its end."""

    def __init__(
        self, parts: EngineParts, claim: Claim, shutdown: asyncio.Event
    ) -> None:
        self._parts = parts
        self._claim = claim
        self._row = claim.row
        self._shutdown = shutdown
        self._stop = asyncio.Event()
        self._log = EventLog(
            parts.db, claim.row, partial(publish, parts.redis, claim.row.id)
        )
        self._text = ""
        self._tokens_in = 0
        self._tokens_out = 0

    async def run(self) -> None:
        """Work until the run has ended, is stopped, or has to be given back."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._log)
            await stack.enter_async_context(self._heartbeat())
            listener = asyncio.create_task(self._listen(), name="stop-signal")
            stack.callback(listener.cancel)
            end = await self._work()
            self._log.seal()
            await self._log.flush()
            if end is None:
                await self._give_back()
            else:
                await self._end(end)

    async def _work(self) -> TerminalEvent | None:
        """Return how the work ended; None when this worker must let go of it.

        Raises:
            LeaseLost: the run is somebody else's.
        """
        seconds = self._parts.settings.run_seconds_max
        working = asyncio.create_task(run_to_end(self._choose(), seconds=seconds))
        signals = (self._stop, self._log.lost, self._shutdown)
        waiting = [asyncio.create_task(signal.wait()) for signal in signals]
        try:
            await asyncio.wait([working, *waiting], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        if working.done():
            return working.result()
        working.cancel()
        await asyncio.wait([working], timeout=CANCEL_SECONDS)
        if self._log.lost.is_set():
            raise LeaseLost
        if self._stop.is_set():
            return RunStopped(text=self._text)
        self._emit(
            Log(message="The worker shuts down; the run goes on when one is back.")
        )
        return None

    def _choose(self) -> Work:
        task, row = self._claim.task, self._row
        context = RunContext(
            actor=self._claim.actor,
            run_id=row.id,
            agent_id=task.spec.id,
            thread_id=row.thread_id,
            emit=self._emit,
            is_cancelled=self._stop.is_set,
            saver_thread=engine_repository.saver_thread(row.id, row.epoch),
            note_step=self._log.note_step,
            resume_from=self._claim.resume_from,
        )
        if task.spec.execution == Execution.REMOTE:
            parts = self._parts
            return partial(run_remote, parts.settings, parts.keyring, task, context)
        return partial(run_agent, self._parts, task, context)

    def _emit(self, event: Event) -> None:
        self._log.append(event)
        match event:
            case MessageStarted():
                self._text = ""
            case MessageDelta(text=text):
                self._text += text
            case UsageRecorded(tokens_in=tokens_in, tokens_out=tokens_out):
                self._tokens_in += tokens_in
                self._tokens_out += tokens_out
            case _:
                pass

    def _heartbeat(self) -> Heartbeat:
        settings = self._parts.settings
        return Heartbeat(
            settings.sql_url,
            self._row.id,
            self._row.epoch,
            lease_seconds=settings.lease_seconds,
            on_stop=self._stop.set,
            on_lost=self._log.lost.set,
        )

    async def _listen(self) -> None:
        # The quick way; the heartbeat looks at the row too, so that a stop needs no Redis.
        while True:
            with suppress(RedisError, OSError):
                async with self._parts.redis.pubsub() as pubsub:
                    await pubsub.subscribe(redis_names.run_signal(self._row.id))
                    async for message in pubsub.listen():
                        if message["type"] == "message":
                            self._stop.set()
            await asyncio.sleep(SIGNAL_RETRY_SECONDS)

    async def _end(self, end: TerminalEvent) -> None:
        values = {
            "model": self._claim.task.spec.model,
            "tokens_in": self._tokens_in,
            "tokens_out": self._tokens_out,
        }

        async def write(session: Session) -> list[RunEvent]:
            await self._add_answer(session, end)
            ended = await end_run(
                session, self._row.id, end, epoch=self._row.epoch, **values
            )
            if ended is None:
                raise LeaseLost
            return ended[1]

        await self._write(write)
        if isinstance(end, RunCompleted):
            # The answer is in our rows; what the graph kept for itself would only grow.
            await forget_steps(self._parts.db, self._parts.checkpoints, self._row.id)

    async def _give_back(self) -> None:
        async def write(session: Session) -> list[RunEvent]:
            changed = await change_status(
                session,
                self._row.id,
                RunStatus.QUEUED,
                epoch=self._row.epoch,
                values={
                    "dispatch": self._row.dispatch + 1,
                    "lease_until": None,
                    "worker": "",
                    # Nothing went wrong, so no attempt is used up.
                    "attempt": self._row.attempt - 1,
                    "interruption": SHUT_DOWN,
                },
            )
            if changed is None:
                raise LeaseLost
            await self._parts.outbox.add(session, job_of(changed[0]))
            return changed[1]

        await self._write(write)

    async def _add_answer(self, session: Session, end: TerminalEvent) -> None:
        match end:
            case RunCompleted(output=output):
                text = output.answer
            case RunStopped(text=text):
                pass
            case _:
                return
        if self._row.thread_id is None or not text:
            return
        # A conversation that was deleted meanwhile needs no answer; the run keeps its output.
        with suppress(NotFound):
            await threads.add_message(
                session,
                self._claim.actor,
                thread_id=self._row.thread_id,
                run_id=self._row.id,
                role=MessageRole.ASSISTANT,
                content=text,
            )

    async def _write(self, write: _Write) -> None:
        """Do the last write of this claim, however long the database is away; the epoch guards it."""
        while True:
            try:
                async with self._parts.db.transaction() as session:
                    events = await write(session)
            except OperationalError as error:
                logger.warning(
                    "run_end_not_written", run_id=str(self._row.id), error=str(error)
                )
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._log.tell(events)
                return
