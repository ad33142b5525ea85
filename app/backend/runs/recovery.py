"""What the scheduler does for runs: none stays queued without a job, or running without a worker; old state goes."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from redis.asyncio import Redis

from app.backend.agents.checkpoints import Checkpoints
from app.backend.core import clock
from app.backend.core.db import Database
from app.backend.core.jobs import QUEUES, JobName
from app.backend.core.outbox import Outbox
from app.backend.core.run_events import (
    RunFailed,
    RunStatus,
    RunStopped,
    TerminalEvent,
)
from app.backend.runs import engine_repository
from app.backend.runs.live import publish_after_commit
from app.backend.runs.service import WORKER_LOST, job_of
from app.backend.runs.status import change_status, end_run
from app.backend.runs.tables import RunRow

logger = structlog.get_logger(__name__)

# A worker takes a job within milliseconds; a job that is neither waiting nor taken by then is lost.
UNCLAIMED = timedelta(seconds=5)
# After a pause of the database the workers renew first; only who stays silent is lost.
SILENCE_SECONDS = 1.5
RUNS_PER_SWEEP = 200
LOST = "The worker before was lost: it was killed, or its machine went away."
GIVEN_UP = "{attempts} workers were lost in the middle of this run. Look at the workers' logs, then press Resume, or Retry to begin anew."


@dataclass
class RunRecovery:
    """Finds runs that nobody works on, and says so or queues them again."""

    db: Database
    redis: Redis
    outbox: Outbox
    checkpoints: Checkpoints
    attempts_max: int
    _suspects: dict[tuple[UUID, int], float] = field(
        default_factory=dict[tuple[UUID, int], float]
    )

    async def recover_lost(self) -> int:
        """Queue running runs again whose lease has expired; those that were asked to stop, or had their attempts, end.

        Returns how many there were.
        """
        async with self.db.read() as session:
            found = await engine_repository.find_lost(
                session, clock.now(), limit=RUNS_PER_SWEEP
            )
        now = clock.monotonic()
        self._suspects = {
            (row.id, row.epoch): self._suspects.get((row.id, row.epoch), now)
            for row in found
        }
        lost = [
            row
            for row in found
            if now - self._suspects[row.id, row.epoch] >= SILENCE_SECONDS
        ]
        for row in lost:
            await self._recover(row)
        return len(lost)

    async def queue_again(self, *, older_than: timedelta = UNCLAIMED) -> int:
        """Queue runs again whose job is neither in the outbox nor in the queue; returns how many."""
        async with self.db.read() as session:
            rows = await engine_repository.find_unclaimed(
                session, clock.now() - older_than, limit=RUNS_PER_SWEEP
            )
        stranded = [row for row in rows if not await self._is_waiting(row)]
        for row in stranded:
            await self._dispatch(row)
        return len(stranded)

    async def forget_stale(self, *, older_than: timedelta) -> int:
        """Delete the checkpoints of runs that ended so long ago without completing; returns of how many."""
        async with self.db.read() as session:
            run_ids = await engine_repository.find_stale_steps(
                session, clock.now() - older_than, limit=RUNS_PER_SWEEP
            )
        for run_id in run_ids:
            await forget_steps(self.db, self.checkpoints, run_id)
        return len(run_ids)

    async def _recover(self, row: RunRow) -> None:
        logger.warning("run_worker_lost", run_id=str(row.id), attempt=row.attempt)
        if row.stop_requested_at is not None:
            await self._end(row, RunStopped())
        elif row.attempt < self.attempts_max:
            values = {"lease_until": None, "worker": "", "interruption": LOST}
            await self._dispatch(row, **values)
        else:
            error = GIVEN_UP.format(attempts=row.attempt)
            await self._end(row, RunFailed(code=WORKER_LOST, error=error))

    async def _end(self, row: RunRow, event: TerminalEvent) -> None:
        async with self.db.transaction() as session:
            ended = await end_run(session, row.id, event, epoch=row.epoch)
            if ended is not None:
                publish_after_commit(session, self.redis, row.id, ended[1])

    async def _is_waiting(self, row: RunRow) -> bool:
        queue = f"rq:queue:{QUEUES[JobName.RUN_EXECUTE]}"
        place = await self.redis.execute_command("LPOS", queue, job_of(row).key)
        return place is not None

    async def _dispatch(self, row: RunRow, **values: Any) -> None:
        async with self.db.transaction() as session:
            changed = await change_status(
                session,
                row.id,
                RunStatus.QUEUED,
                epoch=row.epoch,
                values={"dispatch": row.dispatch + 1, **values},
            )
            if changed is not None:
                await self.outbox.add(session, job_of(changed[0]))
                logger.warning("run_queued_again", run_id=str(row.id))


async def forget_steps(db: Database, checkpoints: Checkpoints, run_id: UUID) -> None:
    """Delete the checkpoints of a run that nobody will resume."""
    async with db.read() as session:
        threads = await engine_repository.list_saver_threads(session, run_id)
    await checkpoints.forget(threads)
    async with db.transaction() as session:
        await engine_repository.delete_steps(session, run_id)
