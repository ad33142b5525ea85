"""The outbox: a job is a row of the transaction that asks for it, and leaves after the commit."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer
from sqlmodel import Field, col, delete, select

from app.backend.core import clock
from app.backend.core.db import Database, Session, after_commit
from app.backend.core.jobs import FUNCTIONS, QUEUES, Job, JobName
from app.backend.core.rows import Row

logger = structlog.get_logger(__name__)

JOB_SECONDS_MAX = 3600


class OutboxRow(Row, table=True):
    """A job that has not been handed to the queue yet."""

    name: str
    key: str = Field(unique=True)
    subject_id: str


class Outbox:
    """Writes jobs with the caller's transaction and hands them to RQ after it."""

    def __init__(self, db: Database, redis: Redis) -> None:
        self._db = db
        self._queues = {
            name: Queue(name, connection=redis, serializer=JSONSerializer)
            for name in set(QUEUES.values())
        }

    async def add(self, session: Session, job: Job) -> None:
        """Ask for `job` in the transaction of `session`."""
        row = OutboxRow(name=job.name, key=job.key, subject_id=job.subject_id)
        session.add(row)
        after_commit(session, lambda: self._dispatch([row]))

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

    async def _dispatch(self, rows: Sequence[OutboxRow]) -> None:
        if not rows:
            return
        try:
            await asyncio.to_thread(self._enqueue, rows)
        except RedisError as error:
            # The rows stay; the scheduler's sweep hands them over when Redis is back.
            logger.warning("outbox_dispatch_failed", jobs=len(rows), error=str(error))
            return
        async with self._db.transaction() as session:
            await session.exec(
                delete(OutboxRow).where(col(OutboxRow.id).in_([row.id for row in rows]))
            )

    def _enqueue(self, rows: Sequence[OutboxRow]) -> None:
        for row in rows:
            name = JobName(row.name)
            self._queues[QUEUES[name]].enqueue_call(
                FUNCTIONS[name],
                args=(row.subject_id,),
                job_id=row.key,
                timeout=JOB_SECONDS_MAX,
                result_ttl=0,
                failure_ttl=24 * 3600,
            )
