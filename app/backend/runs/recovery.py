"""What is done for runs that lost their worker: none stays queued without a job, or running without a worker."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from redis.asyncio import Redis
from sqlalchemy.exc import DBAPIError

from app.backend.core import clock
from app.backend.core.db import AWAY, Database, Session
from app.backend.core.jobs import JobName
from app.backend.core.outbox import Outbox, count_waiting
from app.backend.core.run_events import (
    RunFailed,
    RunStopped,
    TerminalEvent,
    UsageRecorded,
)
from app.backend.runs import engine_repository, tree_repository
from app.backend.runs.conversation import release, release_next
from app.backend.runs.cut_calls import list_cut_calls
from app.backend.runs.ending import (
    finish_run,
    hold_run,
    lock_conversation,
    put_back,
    wake_parent,
)
from app.backend.runs.errors import WORKER_LOST
from app.backend.runs.live import publish_after_commit
from app.backend.runs.silence import Lease, Silence
from app.backend.runs.spent import count_used
from app.backend.runs.tables import RunRow

logger = structlog.get_logger(__name__)

# A worker takes a job within milliseconds; a job that is neither waiting nor taken by then is lost.
UNCLAIMED = timedelta(seconds=5)
# Longer than workers take to renew: only who stays silent is lost, whatever the clocks say.
SILENCE_SECONDS = 3.0
RUNS_PER_SWEEP = 200
# How long the sweeper waits for a row that somebody else writes.
LOCK_SECONDS = 1.0
LOST = "The worker before was lost: it was killed, or its machine went away."
# What comes of a log that says what cannot be: others tell us numbers too.
NONSENSE = (ValueError, TypeError, LookupError, ArithmeticError, DBAPIError)
GIVEN_UP = "{attempts} workers were lost in the middle of this run. Look at the workers' logs, then press Resume, or Retry to begin anew."


@dataclass
class RunRecovery:
    """Finds runs that nobody works on, and says so or queues them again."""

    db: Database
    redis: Redis
    outbox: Outbox
    attempts_max: int
    _silence: Silence = field(default_factory=Silence)

    async def recover_lost(self) -> int:
        """Queue running runs again whose lease has expired; those that were asked to stop, or had their attempts, end.

        Returns how many there were.
        """
        async with self.db.read() as session:
            leases = await engine_repository.list_leases(session)
        now = clock.now()
        lost = [
            lease
            for lease, seconds in self._silence.look(leases).items()
            if lease.until < now and seconds >= SILENCE_SECONDS
        ]
        recovered = [await self._recover(lease) for lease in lost[:RUNS_PER_SWEEP]]
        return recovered.count(True)

    async def release(self, *, worker: str) -> bool:
        """Give back the run of a worker that was seen to die; False when it had none.

        Nobody has to wait until the lease expires: who says so is the dead process's parent. A worker that died
        before it took a run leaves the line with one job too few.
        """
        async with self.db.read() as session:
            rows = await engine_repository.find_running(session, worker=worker)
        for row in rows:
            with _pass_over(row.id):
                await self._take_away(row)
        return bool(rows) or await self.queue_again(older_than=timedelta(0)) > 0

    async def queue_again(self, *, older_than: timedelta = UNCLAIMED) -> int:
        """Ask for as many jobs as the line has more runs than there are jobs; returns how many.

        Any job does for any run, so the runs that get one are simply the oldest.

        Raises:
            RedisError, TimeoutError: Redis, which counts the jobs, is away or does not answer.
        """
        before = clock.now() - older_than
        async with self.db.read() as session:
            jobs = await count_waiting(session, self.redis, JobName.RUN_EXECUTE)
            rows = await engine_repository.find_unclaimed(
                session, before, more_than=jobs, limit=RUNS_PER_SWEEP
            )
        count = 0
        for row in rows:
            with _pass_over(row.id):
                await self._put_back(row)
                count += 1
        return count

    async def release_held(self) -> int:
        """Let held runs join the line whose conversation is free, or gone; returns how many.

        The end of a run does so for the one after it; this is for what was lost on the way.
        """
        async with self.db.read() as session:
            rows = await engine_repository.find_stranded(session, limit=RUNS_PER_SWEEP)
        for row in rows:
            async with self.db.transaction() as session:
                if row.thread_id is None:
                    await release(session, row, self.outbox)
                else:
                    await lock_conversation(session, row.thread_id)
                    await release_next(session, row.thread_id, self.outbox)
        return len(rows)

    async def wake_parents(self) -> int:
        """Let runs go on that wait for one that has ended, or is gone; returns how many.

        The end of a run does so for the one that started it; this is for what was lost on the way.
        """
        async with self.db.read() as session:
            rows = await tree_repository.find_forgotten(session, limit=RUNS_PER_SWEEP)
        count = 0
        for row in rows:
            with _pass_over(row.id):
                await self._wake(row)
                count += 1
        return count

    async def _wake(self, row: RunRow) -> None:
        async with self.db.transaction(lock_seconds=LOCK_SECONDS) as session:
            now = await hold_run(session, row)
            if now is not None and now.waits_for_id == row.waits_for_id:
                child = await tree_repository.find_child(session, now)
                await wake_parent(session, row.id, child, self)

    async def _recover(self, lease: Lease) -> bool:
        with _pass_over(lease.run_id):
            async with self.db.read() as session:
                row = await engine_repository.find_run(session, lease.run_id)
            if row is None or (row.epoch, row.lease_until) != (
                lease.epoch,
                lease.until,
            ):
                return False
            await self._take_away(row)
            return True
        return False

    async def _take_away(self, row: RunRow) -> None:
        logger.warning("run_worker_lost", run_id=str(row.id), attempt=row.attempt)
        try:
            await self._let_go(row, is_reckoned=True)
        except AWAY:
            raise
        except NONSENSE:
            # Better that a call is missing from the sums than that nobody goes on with the run.
            logger.exception("run_not_reckoned", run_id=str(row.id))
            await self._let_go(row, is_reckoned=False)

    async def _let_go(self, row: RunRow, *, is_reckoned: bool) -> None:
        if row.stop_requested_at is not None:
            await self._end(row, RunStopped(), is_reckoned=is_reckoned)
        elif row.attempt < self.attempts_max:
            # From now on the worker that had the run writes nothing, also before another one takes it.
            values = {"epoch": row.epoch + 1, "interruption": LOST}
            await self._put_back(row, is_reckoned=is_reckoned, **values)
        else:
            error = GIVEN_UP.format(attempts=row.attempt)
            failed = RunFailed(code=WORKER_LOST, error=error)
            await self._end(row, failed, is_reckoned=is_reckoned)

    async def _end(
        self, row: RunRow, event: TerminalEvent, *, is_reckoned: bool
    ) -> None:
        async with self.db.transaction(lock_seconds=LOCK_SECONDS) as session:
            values: dict[str, Any] = {}
            if is_reckoned:
                cut = await _list_cut(session, row)
                values = {"cut": cut, **await count_used(session, row.id, cut)}
            ended = await finish_run(
                session, row, event, parts=self, epoch=row.epoch, **values
            )
            if ended is not None:
                publish_after_commit(session, self.redis, row.id, ended[1])

    async def _put_back(
        self, row: RunRow, *, is_reckoned: bool = False, **values: Any
    ) -> None:
        async with self.db.transaction(lock_seconds=LOCK_SECONDS) as session:
            cut = await _list_cut(session, row) if is_reckoned else []
            changed = await put_back(session, row, parts=self, cut=cut, **values)
            if changed is not None:
                publish_after_commit(session, self.redis, row.id, changed[1])
                logger.warning("run_queued_again", run_id=str(row.id))


async def _list_cut(session: Session, row: RunRow) -> list[UsageRecorded]:
    # Nobody adds to the log from then on.
    await hold_run(session, row)
    return await list_cut_calls(session, row.id)


@contextmanager
def _pass_over(run_id: UUID) -> Generator[None, None, None]:
    """Leave a run to the next sweep that cannot be helped now: it must not keep the others waiting."""
    try:
        yield
    except AWAY as error:
        # Most likely its row is held by a worker that froze in the middle of a write.
        logger.warning("run_not_recovered", run_id=str(run_id), error=str(error))
    except NONSENSE:
        logger.exception("run_not_recovered", run_id=str(run_id))
