"""Carries out one run in a worker: claim, work, stop, end; the rows say at each moment what is true."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, suppress
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from app.backend.agents.schemas import Execution
from app.backend.budgets.spending import RunSpending
from app.backend.core import acting, correlation, masking
from app.backend.core import redis as redis_names
from app.backend.core.children import ChildCall
from app.backend.core.db import AWAY, Session
from app.backend.core.fault_points import FaultPoint, FaultPoints, pass_by
from app.backend.core.run_context import RunContext
from app.backend.core.run_events import (
    Event,
    Log,
    MessageDelta,
    MessageStarted,
    RunFailed,
    RunStopped,
    RunWaiting,
    TerminalEvent,
    UsageRecorded,
)
from app.backend.core.stored_events import RunEvent
from app.backend.runs import engine_repository, prompts, redaction
from app.backend.runs.answers import wait_for_person
from app.backend.runs.budget import Limits, RunBudget
from app.backend.runs.children import wait_for_child
from app.backend.runs.claiming import (
    Claim,
    EngineParts,
    claim_next,
    prepare_run,
)
from app.backend.runs.cut_calls import list_cut_calls
from app.backend.runs.effects import EffectLedger
from app.backend.runs.ending import finish_run, put_back
from app.backend.runs.errors import LeaseLost
from app.backend.runs.event_log import RETRY_SECONDS, EventLog
from app.backend.runs.live import publish
from app.backend.runs.remote import run_remote
from app.backend.runs.runner import DATABASE_AWAY, Work, run_agent, run_to_end
from app.backend.runs.sieve import make_sieve
from app.backend.runs.spent import count_used

logger = structlog.get_logger(__name__)

# A model that does not let go within this time is left behind; its words no longer count.
CANCEL_SECONDS = 0.3
SIGNAL_RETRY_SECONDS = 1.0
SHUT_DOWN = "The worker before was shut down."
NO_DATABASE = "The database did not answer."
SCRIPTED = "scripted/"

_Write = Callable[[Session], Awaitable[list[RunEvent]]]


async def execute_run(
    parts: EngineParts, run_id: UUID, *, worker: str, shutdown: asyncio.Event
) -> None:
    """Carry out the run that is next in line, which is seldom another than `run_id`, the one that the job was made for.

    Does nothing when no run is queued. When `shutdown` is set, the run goes back into the queue, for another worker or for the next start, which goes on
    after its last step.
    """
    taken = await claim_next(parts, worker=worker)
    if taken is None:
        logger.debug("run_taken_already", run_id=str(run_id))
        return
    row, events = taken
    with (
        acting.as_user(row.owner_id),
        correlation.bound(row.correlation_id, run_id=str(row.id)),
    ):
        claim, _ = await asyncio.gather(
            prepare_run(parts, row), publish(parts.redis, row.id, events)
        )
        if claim is None:
            return
        owners = {row.owner_id, row.agent_owner_id or row.owner_id}
        try:
            with masking.bound(owners):
                await _Execution(parts, claim, shutdown).run()
        except LeaseLost:
            logger.warning("run_lease_lost")


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
        self._spending = RunSpending(parts, claim.payer, self._emit, claim.answers)
        self._log = EventLog(
            parts.db,
            claim.row,
            parts.streams.add,
            root_agent_id=claim.root_agent_id,
            settle=self._spending.settle,
        )
        self._limits = Limits.of(claim.task.spec, parts.settings)
        spent = claim.spent
        self._budget = RunBudget(
            self._limits, tokens=spent.tokens_in + spent.tokens_out
        )
        self._text = ""
        self._tokens_in = 0
        self._tokens_out = 0
        self._streamed = 0
        self._is_left_behind = False

    async def run(self) -> None:
        """Work until the run has ended, is stopped, or has to be given back."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._spending)
            await stack.enter_async_context(self._log)
            stack.enter_context(self._keeping())
            listener = asyncio.create_task(self._listen(), name="stop-signal")
            stack.callback(listener.cancel)
            end = await self._work()
            self._log.seal()
            await self._log.flush()
            if end is None:
                # Nothing went wrong, so no attempt is used up.
                await self._give_back(SHUT_DOWN, attempt=self._row.attempt - 1)
            elif isinstance(end, RunWaiting | ChildCall):
                await self._wait(end)
            elif self._may_try_again(end):
                await self._give_back(NO_DATABASE, attempt=self._row.attempt)
            else:
                await self._end(end)

    async def _work(self) -> TerminalEvent | RunWaiting | ChildCall | None:
        """Return how the work ended; None when this worker must let go of it.

        Raises:
            LeaseLost: the run is somebody else's.
        """
        limit = self._limits.seconds
        left = limit.most - self._claim.spent.seconds
        working = asyncio.create_task(
            run_to_end(self._choose(), seconds=left, reason=limit.reason())
        )
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
        self._is_left_behind = not working.done()
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
            other_owner=self._claim.agent_owner,
            run_id=row.id,
            agent_id=task.spec.id,
            thread_id=row.thread_id,
            emit=self._emit,
            is_cancelled=self._stop.is_set,
            saver_thread=engine_repository.saver_thread(row.id, row.epoch),
            note_step=self._log.note_step,
            resume_from=self._claim.resume_from,
            changes=self._claim.changes,
            budget=self._budget,
            spending=self._spending,
            repeats_max=self._parts.settings.run_repeats_max,
            effects=EffectLedger(self._parts.db, row, self._log.flush),
            answers=self._claim.answers,
            children=self._claim.children,
            pass_point=self._fault_points(),
        )
        if task.spec.execution == Execution.REMOTE:
            return partial(run_remote, self._parts, task, context)
        return partial(run_agent, self._parts, task, context)

    def _fault_points(self) -> Callable[[FaultPoint], None]:
        settings, model = self._parts.settings, self._claim.task.spec.model
        if not (settings.fault_points and model.startswith(SCRIPTED)):
            return pass_by
        return FaultPoints(settings.data_dir).pass_point

    def _emit(self, event: Event) -> None:
        if isinstance(event, MessageStarted):
            event = prompts.shorten(redaction.installed().redact(event))
        self._log.append(event)
        match event:
            case MessageStarted():
                self._text = ""
            case MessageDelta(text=text, tokens=tokens):
                self._text += text
                self._streamed += tokens
            case UsageRecorded(tokens_in=tokens_in, tokens_out=tokens_out):
                self._tokens_in += tokens_in
                self._tokens_out += tokens_out
                self._streamed = 0
            case _:
                pass
        # What came is in the log, whether or not it was too much.
        self._budget.count(event)

    def _keeping(self) -> AbstractContextManager[None]:
        return self._parts.heartbeat.keeping(
            self._row.id,
            self._row.epoch,
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

    async def _wait(self, wanted: RunWaiting | ChildCall) -> None:
        given: dict[str, Any] = {"parts": self._parts, "text": self._text}

        async def write(session: Session) -> list[RunEvent]:
            row, values = self._row, given | self._used()
            if isinstance(wanted, ChildCall):
                events = await wait_for_child(session, row, wanted, **values)
            else:
                events = await wait_for_person(session, row, wanted, **values)
            if events is None:
                raise LeaseLost
            return events

        await self._write(write)

    def _used(self) -> dict[str, Any]:
        return {
            "model": self._claim.task.spec.model,
            "tokens_in": self._claim.spent.tokens_in + self._tokens_in,
            "tokens_out": self._claim.spent.tokens_out
            + self._tokens_out
            + self._streamed,
        }

    async def _end(self, end: TerminalEvent) -> None:
        async def write(session: Session) -> list[RunEvent]:
            cut, used = await self._list_cut(session), self._used()
            if cut:
                used |= await count_used(session, self._row.id, cut)
            ended = await finish_run(
                session,
                self._row,
                end,
                parts=self._parts,
                epoch=self._row.epoch,
                text=self._text,
                answer_as=self._claim.actor,
                cut=cut,
                **used,
            )
            if ended is None:
                raise LeaseLost
            return ended[1]

        events = await self._write(write)
        # The run has ended by now; without a sieve a search in its log takes longer, and that is all.
        with suppress(SQLAlchemyError):
            await make_sieve(self._parts.db, self._row.id, events=events[-1].seq)

    async def _list_cut(self, session: Session) -> Sequence[UsageRecorded]:
        # A model that does not let go reports nothing any more.
        if not self._is_left_behind:
            return []
        return await list_cut_calls(session, self._row.id)

    def _may_try_again(self, end: TerminalEvent) -> bool:
        # The database was away in the middle of a step: the run is not to blame.
        is_away = isinstance(end, RunFailed) and end.code == DATABASE_AWAY
        return is_away and self._row.attempt < self._parts.settings.run_attempts_max

    async def _give_back(self, interruption: str, *, attempt: int) -> None:
        async def write(session: Session) -> list[RunEvent]:
            changed = await put_back(
                session,
                self._row,
                parts=self._parts,
                text=self._text,
                cut=await self._list_cut(session),
                epoch=self._row.epoch + 1,
                attempt=attempt,
                interruption=interruption,
            )
            if changed is None:
                raise LeaseLost
            return changed[1]

        await self._write(write)

    async def _write(self, write: _Write) -> list[RunEvent]:
        """Do the last write of this claim, however long the database is away; the epoch guards it."""
        while True:
            try:
                async with self._parts.db.transaction() as session:
                    events = await write(session)
            except AWAY as error:
                logger.warning(
                    "run_end_not_written", run_id=str(self._row.id), error=str(error)
                )
                await asyncio.sleep(RETRY_SECONDS)
            else:
                await self._log.tell(events)
                return events
