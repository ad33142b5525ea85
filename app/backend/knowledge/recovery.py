"""What is done for documents that lost their worker or their job: none stays unread that can be read."""

from datetime import timedelta

from app.backend.core import clock
from app.backend.core.jobs import JobName
from app.backend.core.outbox import count_waiting
from app.backend.knowledge import dispatch, repository
from app.backend.knowledge.parts import IngestParts

UNCLAIMED_MAX = timedelta(minutes=2)
_SWEEP_MAX = 500
_JOBS = (JobName.DOCUMENT_INGEST, JobName.DOCUMENT_INGEST_LATER, JobName.MANUAL_UPLOAD)


async def sweep_documents(parts: IngestParts) -> int:
    """Queue again what a crash or a lost queue left behind; returns how many documents.

    While jobs wait to be read, a document that nobody has claimed has its job among them.

    Raises:
        RedisError, TimeoutError: Redis, which counts the jobs, is away or does not answer.
    """
    is_waiting = await has_jobs(parts)
    async with parts.db.transaction() as session:
        rows = await repository.list_silent_documents(
            session,
            unclaimed_since=None if is_waiting else clock.now() - UNCLAIMED_MAX,
            limit=_SWEEP_MAX,
        )
        for row in rows:
            await dispatch.dispatch(session, row, parts.outbox)
    return len(rows)


async def has_jobs(parts: IngestParts) -> bool:
    """Tell whether something waits for those who read documents.

    Raises:
        RedisError, TimeoutError: Redis, which counts the jobs, is away or does not answer.
    """
    async with parts.db.read() as session:
        return await count_waiting(session, parts.redis, *_JOBS) > 0
