"""The ledger of what a run's tools do: each write is fenced by the epoch, so that a lost worker records nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

import structlog

from app.backend.core import clock
from app.backend.core.db import AWAY, Database, Session
from app.backend.core.effects import EffectCall, EffectEntry, EffectState, Work
from app.backend.runs import effect_repository
from app.backend.runs.errors import LeaseLost
from app.backend.runs.event_log import RETRY_SECONDS
from app.backend.runs.tables import RunRow, ToolEffectRow

logger = structlog.get_logger(__name__)

T = TypeVar("T")


class EffectLedger:
    """The ledger for one claim of a run.

    An intent is only written once `flush` has stored what led to it: the checkpoint that holds the model's decision.
    So the next attempt comes to the same call, and finds its record.
    """

    def __init__(
        self, db: Database, claim: RunRow, flush: Callable[[], Awaitable[None]]
    ) -> None:
        self._db = db
        self._run_id, self._owner_id = claim.id, claim.owner_id
        self._epoch, self._attempt = claim.epoch, claim.attempt
        self._flush = flush

    async def begin(self, call: EffectCall) -> EffectEntry:
        """Write that the call is about to happen, or return what an earlier attempt wrote.

        Raises:
            LeaseLost: the run is somebody else's now.
        """
        await self._flush()

        async def write(session: Session) -> EffectEntry:
            row = await effect_repository.find_effect(session, self._run_id, call.place)
            if row is None:
                row = self._make_row(call)
                session.add(row)
                await session.flush()
            return self._to_entry(row)

        return await self._write(write)

    async def begin_again(self, entry: EffectEntry) -> EffectEntry:
        """Write that a call that did not happen is about to."""

        async def write(session: Session) -> EffectEntry:
            row = await self._need(session, entry)
            # After a commit whose answer was lost it is written already.
            if row.tries == entry.tries:
                row.state, row.tries = EffectState.INTENT, entry.tries + 1
                row.epoch, row.attempt = self._epoch, self._attempt
                row.begun_at = clock.now()
                session.add(row)
            return self._to_entry(row)

        return await self._write(write)

    async def doubt(self, entry: EffectEntry) -> None:
        """Write that nobody knows whether the call happened."""

        async def write(session: Session) -> None:
            row = await self._need(session, entry)
            row.state = EffectState.UNKNOWN
            session.add(row)

        await self._write(write)

    async def finish(self, entry: EffectEntry, result: dict[str, Any]) -> None:
        """Write that the call happened, and what it gave back."""

        async def write(session: Session) -> None:
            _close(await self._need(session, entry), result)

        await self._write(write)

    async def perform(self, entry: EffectEntry, work: Work) -> dict[str, Any]:
        """Do `work` on our own database and write that it happened, both or neither."""

        async def write(session: Session) -> dict[str, Any]:
            row = await self._need(session, entry)
            if row.state == EffectState.DONE and row.result is not None:
                # A commit whose answer was lost.
                return row.result
            result = await work(session)
            _close(row, result)
            return result

        return await self._write(write)

    async def _write(self, write: Callable[[Session], Awaitable[T]]) -> T:
        while True:
            try:
                async with self._db.transaction() as session:
                    if not await effect_repository.hold_run(
                        session, self._run_id, self._epoch
                    ):
                        raise LeaseLost
                    return await write(session)
            except AWAY as error:
                logger.warning(
                    "effect_not_written", run_id=str(self._run_id), error=str(error)
                )
                await asyncio.sleep(RETRY_SECONDS)

    async def _need(self, session: Session, entry: EffectEntry) -> ToolEffectRow:
        row = await effect_repository.find_effect(session, self._run_id, entry.place)
        if row is None:
            # Rows of a run go with the run only, and the fence has just seen that.
            raise LeaseLost
        return row

    def _make_row(self, call: EffectCall) -> ToolEffectRow:
        return ToolEffectRow(
            owner_id=self._owner_id,
            run_id=self._run_id,
            place=call.place,
            key=_key(self._run_id, call),
            tool=call.tool,
            args=call.args,
            state=EffectState.INTENT,
            epoch=self._epoch,
            attempt=self._attempt,
            begun_at=clock.now(),
        )

    def _to_entry(self, row: ToolEffectRow) -> EffectEntry:
        is_ours = row.epoch == self._epoch and row.state == EffectState.INTENT
        return EffectEntry(
            place=row.place,
            key=row.key,
            state=EffectState(row.state),
            is_new=is_ours,
            tries=row.tries,
            attempt=row.attempt,
            begun_at=row.begun_at,
            result=row.result or {},
        )


def _key(run_id: UUID, call: EffectCall) -> str:
    return f"{run_id}:{call.place}"


def _close(row: ToolEffectRow, result: dict[str, Any]) -> None:
    row.state, row.result, row.done_at = EffectState.DONE, result, clock.now()
