"""Tells viewers about new events at once, through Redis; the rows are the truth when it is away."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.backend.core import redis as names
from app.backend.core.db import Session, after_commit
from app.backend.core.stored_events import RunEvent
from app.backend.runs.packing import Batch, batches_of

logger = structlog.get_logger(__name__)

FIELD = "packed"
STREAM_BATCHES_MAX = 256
STREAM_SECONDS = 3600
_GROWING = frozenset({"message_delta", "reasoning_delta"})


def _add(redis: Redis, key: str, batch: Batch) -> Awaitable[Any]:
    entry: Any = {FIELD: batch.to_json().decode()}
    return redis.xadd(key, entry, maxlen=STREAM_BATCHES_MAX, approximate=True)


async def publish(redis: Redis, run_id: UUID, events: Sequence[RunEvent]) -> None:
    """Add `events` to the run's stream, as one entry if none is missing between them; an outage is logged, viewers then read rows."""
    key = names.run_stream(run_id)
    batches = batches_of(events)
    try:
        async with asyncio.timeout(names.ANSWER_SECONDS):
            if len(batches) == 1 and batches[0].types <= _GROWING:
                # Most batches are such. What came before has said for how long the stream is kept, and a command alone
                # costs half as much as two.
                await _add(redis, key, batches[0])
                return
            async with redis.pipeline(transaction=False) as pipe:
                for batch in batches:
                    _add(pipe, key, batch)
                pipe.expire(key, STREAM_SECONDS)
                await pipe.execute()
    except (RedisError, TimeoutError) as error:
        logger.warning("live_events_not_sent", run_id=str(run_id), error=repr(error))


def publish_after_commit(
    session: Session, redis: Redis, run_id: UUID, events: Sequence[RunEvent]
) -> None:
    """Publish `events` once the transaction of `session` is committed."""
    after_commit(session, lambda: publish(redis, run_id, events))


async def signal_stop(redis: Redis, run_id: UUID) -> None:
    """Make the worker of the run look at its row now; without Redis it looks twice a second anyway."""
    try:
        async with asyncio.timeout(names.ANSWER_SECONDS):
            await redis.publish(names.run_signal(run_id), "stop")
    except (RedisError, TimeoutError) as error:
        logger.warning("stop_signal_not_sent", run_id=str(run_id), error=repr(error))
