"""Deletes runs that have ended, with all that is kept of them."""

from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.backend.core import redis as names
from app.backend.core.actor import Actor
from app.backend.core.db import Session, after_commit
from app.backend.core.errors import Conflict, NotFound
from app.backend.core.run_events import RunStatus
from app.backend.runs import repository
from app.backend.threads import service as threads

logger = structlog.get_logger(__name__)


async def delete_run(
    session: Session, actor: Actor, *, run_id: UUID, redis: Redis
) -> None:
    """Delete a run with its log, and its question and answer in the conversation.

    A conversation that has nothing else in it goes too. The scheduler deletes the checkpoints, once no run that goes
    on from them needs them. There is no way back.

    Raises:
        NotFound: the run is not there, or not the actor's.
        Conflict: it has not ended.
    """
    row = await repository.find_run(session, actor, run_id)
    if row is None:
        raise NotFound("run", run_id)
    if not RunStatus(row.status).is_terminal:
        message = "This run has not ended. Stop it, then delete it."
        raise Conflict(message)
    if row.thread_id is not None:
        await threads.forget_run(session, actor, thread_id=row.thread_id, run_id=run_id)
    await session.delete(row)
    await session.flush()
    after_commit(session, lambda: _forget(redis, run_id))


async def _forget(redis: Redis, run_id: UUID) -> None:
    try:
        await redis.delete(names.run_stream(run_id))
    except RedisError as error:
        # It expires within the hour, and nobody may follow it any more.
        logger.warning("live_events_left", run_id=str(run_id), error=str(error))
