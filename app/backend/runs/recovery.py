"""What the scheduler does for runs: no run stays queued without a job, or running without a worker."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import structlog
from redis.asyncio import Redis

from app.backend.agents.checkpoints import Checkpoints, checkpoint_thread
from app.backend.core import clock
from app.backend.core.db import Database
from app.backend.core.jobs import QUEUES, JobName
from app.backend.core.outbox import Outbox
from app.backend.core.run_events import RunFailed, RunStatus
from app.backend.runs import engine_repository
from app.backend.runs.live import publish_after_commit
from app.backend.runs.service import job_of
from app.backend.runs.status import change_status, end_run
from app.backend.runs.tables import RunRow

logger = structlog.get_logger(__name__)

# A worker takes a job within milliseconds; a job that is neither waiting nor taken by then is lost.
UNCLAIMED = timedelta(seconds=5)
# After a pause of the database the workers renew first; only who stays silent is lost.
SILENCE_SECONDS = 1.5
RUNS_PER_SWEEP = 200
WORKER_LOST = "The worker that had this run was lost: it was killed, or its machine went away. Press Retry to run it again."


@dataclass
class RunRecovery:
    """Finds runs that nobody works on, and says so or queues them again."""

    db: Database
    redis: Redis
    outbox: Outbox
    checkpoints: Checkpoints
    _suspects: dict[tuple[UUID, int], float] = field(
        default_factory=dict[tuple[UUID, int], float]
    )

    async def end_lost(self) -> int:
        """End running runs whose lease has expired as failed; returns how many."""
        async with self.db.read() as session:
            found = await engine_repository.find_lost(
                session, clock.now(), limit=RUNS_PER_SWEEP
            )
        now = clock.monotonic()
        self._suspects = {
            (run_id, epoch): self._suspects.get((run_id, epoch), now)
            for run_id, epoch, _ in found
        }
        lost = [
            item
            for item in found
            if now - self._suspects[item[0], item[1]] >= SILENCE_SECONDS
        ]
        for run_id, epoch, attempt in lost:
            await self._end(run_id, epoch, attempt)
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

    async def _end(self, run_id: UUID, epoch: int, attempt: int) -> None:
        async with self.db.transaction() as session:
            failed = RunFailed(code="WORKER_LOST", error=WORKER_LOST)
            ended = await end_run(session, run_id, failed, epoch=epoch)
            if ended is None:
                return
            publish_after_commit(session, self.redis, run_id, ended[1])
        logger.warning("run_worker_lost", run_id=str(run_id))
        saver = await self.checkpoints.open()
        await saver.adelete_thread(checkpoint_thread(run_id, attempt))

    async def _is_waiting(self, row: RunRow) -> bool:
        queue = f"rq:queue:{QUEUES[JobName.RUN_EXECUTE]}"
        place = await self.redis.execute_command("LPOS", queue, job_of(row).key)
        return place is not None

    async def _dispatch(self, row: RunRow) -> None:
        async with self.db.transaction() as session:
            changed = await change_status(
                session,
                row.id,
                RunStatus.QUEUED,
                epoch=row.epoch,
                values={"dispatch": row.dispatch + 1},
            )
            if changed is not None:
                await self.outbox.add(session, job_of(changed[0]))
                logger.warning("run_queued_again", run_id=str(row.id))
