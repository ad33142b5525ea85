"""Deletes runs that have ended, with all that is kept of them."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.backend.core import redis as names
from app.backend.core.actor import Actor
from app.backend.core.db import Session, after_commit
from app.backend.core.errors import Conflict, NotFound
from app.backend.core.run_events import RunStatus
from app.backend.runs import repository, tree_repository
from app.backend.runs.trees import below
from app.backend.threads import service as threads

logger = structlog.get_logger(__name__)


async def delete_run(
    session: Session, actor: Actor, *, run_id: UUID, redis: Redis
) -> None:
    """Delete a run with its log, what it started, and its question and answer in the conversation.

    A conversation that has nothing else in it goes too. The scheduler deletes the checkpoints, once no run that goes
    on from them needs them. There is no way back.

    Raises:
        NotFound: the run is not there, or not the actor's.
        Conflict: it has not ended, or another run of its tree has not.
    """
    row = await repository.find_run(session, actor, run_id)
    if row is None:
        raise NotFound("run", run_id)
    if not RunStatus(row.status).is_terminal:
        message = "This run has not ended. Stop it, then delete it."
        raise Conflict(message)
    tree = await tree_repository.list_tree(session, actor, row.root_id)
    if any(not RunStatus(each.status).is_terminal for each in tree):
        message = "Another run of the same tree has not ended. Stop the first of them, then delete this one."
        raise Conflict(message)
    if row.thread_id is not None:
        await threads.forget_run(session, actor, thread_id=row.thread_id, run_id=run_id)
    doomed = [row, *below(tree, run_id)]
    for each in doomed:
        await session.delete(each)
    await session.flush()
    streams = [names.run_stream(each.id) for each in doomed]
    after_commit(session, lambda: _forget(redis, streams))


async def _forget(redis: Redis, streams: Sequence[str]) -> None:
    try:
        async with asyncio.timeout(names.ANSWER_SECONDS):
            await redis.delete(*streams)
    except (RedisError, TimeoutError) as error:
        # They expire within the hour, and nobody may follow them any more.
        logger.warning("live_events_left", streams=len(streams), error=repr(error))
