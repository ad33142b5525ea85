"""The job queues, as they are in Redis."""

from datetime import datetime

from redis.asyncio import Redis

from app.backend.core.jobs import QueueName
from app.backend.system.schemas import QueueView

_BATCH = 500


async def list_queues(redis: Redis) -> list[QueueView]:
    """Return every queue."""
    async with redis.pipeline(transaction=False) as pipe:
        for name in QueueName:
            pipe.llen(f"rq:queue:{name}")
            pipe.lindex(f"rq:queue:{name}", 0)
            pipe.zcard(_failed_key(name))
        found = await pipe.execute()
    views: list[QueueView] = []
    for place, name in enumerate(QueueName):
        length, oldest, failed = found[3 * place : 3 * place + 3]
        since = await _enqueued_at(redis, oldest) if oldest else None
        views.append(
            QueueView(name=name, length=length, oldest_at=since, failed=failed)
        )
    return views


async def forget_failed(redis: Redis, name: QueueName) -> int:
    """Forget the failed jobs of a queue; returns how many. The runs and documents that they were for are rows."""
    key, count = _failed_key(name), 0
    while job_ids := await redis.zrange(key, 0, _BATCH - 1):
        async with redis.pipeline(transaction=True) as pipe:
            pipe.zrem(key, *job_ids)
            pipe.delete(*(f"rq:job:{job_id}" for job_id in job_ids))
            await pipe.execute()
        count += len(job_ids)
    return count


def _failed_key(name: QueueName) -> str:
    return f"rq:failed:{name}"


async def _enqueued_at(redis: Redis, job_id: str) -> datetime | None:
    text = await redis.hget(f"rq:job:{job_id}", "enqueued_at")  # pyright: ignore[reportGeneralTypeIssues] - the stubs of redis mix both kinds of client
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
