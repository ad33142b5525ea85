"""The outbox: a job is a row of the transaction that asks for it, and leaves after the commit."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import structlog
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import RedisError
from rq import Queue
from rq.queue import EnqueueData
from rq.serializers import JSONSerializer
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Field, col, delete, func, select

from app.backend.core import clock
from app.backend.core import redis as redis_names
from app.backend.core.db import Database, Session, after_commit
from app.backend.core.jobs import FUNCTIONS, QUEUES, Job, JobName, QueueName
from app.backend.core.rows import Row

logger = structlog.get_logger(__name__)

JOB_SECONDS_MAX = 3600
# Deleting at once would contend with the worker that has just got the job for SQLite's only writer.
FORGET_SECONDS = 1.0


class OutboxRow(Row, table=True):
    """A job that has not been handed to the queue yet, or only just."""

    name: str
    key: str = Field(unique=True)
    subject_id: str


async def count_waiting(session: Session, redis: AsyncRedis, *names: JobName) -> int:
    """Return how many jobs are in the queues of those names, are on the way to them, or only just arrived.

    Raises:
        RedisError, TimeoutError: Redis is away or does not answer.
    """
    count = 0
    async with asyncio.timeout(redis_names.ANSWER_SECONDS):
        for queue in {QUEUES[name] for name in names}:
            waiting = await redis.execute_command("LLEN", f"rq:queue:{queue}")
            count += int(waiting or 0)
    query = select(func.count()).where(col(OutboxRow.name).in_(names))
    return count + (await session.exec(query)).one()


class Outbox:
    """Writes jobs with the caller's transaction and hands them to RQ after it."""

    def __init__(self, db: Database, redis: Redis) -> None:
        self._db = db
        self._queues = {
            name: Queue(name, connection=redis, serializer=JSONSerializer)
            for name in set(QUEUES.values())
        }
        self._handed_over: list[UUID] = []
        self._is_urgent = asyncio.Event()
        self._forgetting: asyncio.Task[None] | None = None

    async def add(self, session: Session, job: Job) -> None:
        """Ask for `job` in the transaction of `session`."""
        await self.add_all(session, [job])

    async def add_all(self, session: Session, jobs: Sequence[Job]) -> None:
        """Ask for `jobs` in the transaction of `session`."""
        rows = [
            OutboxRow(name=job.name, key=job.key, subject_id=job.subject_id)
            for job in jobs
        ]
        session.add_all(rows)
        after_commit(session, lambda: self._dispatch(rows))

    async def sweep(self, *, older_than: timedelta = timedelta(seconds=5)) -> int:
        """Hand over what a crash or a Redis outage left behind; returns how many jobs."""
        async with self._db.read() as session:
            found = await session.exec(
                select(OutboxRow)
                .where(col(OutboxRow.created_at) < clock.now() - older_than)
                .limit(1000)
            )
            rows = found.all()
        await self._dispatch(rows)
        return len(rows)

    async def settle(self) -> None:
        """Delete the rows of the jobs that were handed over, now rather than soon."""
        self._is_urgent.set()
        if self._forgetting is not None:
            await self._forgetting
        self._is_urgent.clear()

    async def _dispatch(self, rows: Sequence[OutboxRow]) -> None:
        if not rows:
            return
        try:
            await asyncio.to_thread(self._enqueue, rows)
        except RedisError as error:
            # The rows stay; the scheduler's sweep hands them over when Redis is back.
            logger.warning("outbox_dispatch_failed", jobs=len(rows), error=str(error))
            return
        self._handed_over += [row.id for row in rows]
        if self._forgetting is None or self._forgetting.done():
            self._forgetting = asyncio.create_task(self._forget(), name="outbox")

    async def _forget(self) -> None:
        # A row that stays after a crash is handed over once more, and its run or document is no longer waiting.
        while self._handed_over:
            with suppress(TimeoutError):
                async with asyncio.timeout(FORGET_SECONDS):
                    await self._is_urgent.wait()
            gone, self._handed_over = self._handed_over, []
            try:
                async with self._db.transaction() as session:
                    await session.exec(
                        delete(OutboxRow).where(col(OutboxRow.id).in_(gone))
                    )
            except SQLAlchemyError as error:
                logger.warning("outbox_not_cleared", jobs=len(gone), error=str(error))

    def _enqueue(self, rows: Sequence[OutboxRow]) -> None:
        # Many jobs of a queue are one round trip; so is one, which `enqueue` would make two.
        jobs: dict[QueueName, list[EnqueueData]] = defaultdict(list)
        for row in rows:
            name = JobName(row.name)
            jobs[QUEUES[name]].append(
                Queue.prepare_data(
                    FUNCTIONS[name],
                    args=(row.subject_id,),
                    job_id=row.key,
                    timeout=JOB_SECONDS_MAX,
                    result_ttl=0,
                    failure_ttl=24 * 3600,
                )
            )
        for queue, batch in jobs.items():
            self._queues[queue].enqueue_many(batch)
