"""Does the same to many runs: each gets a result of its own, and one that cannot be changed stops no other."""

from collections.abc import Awaitable, Callable, Sequence
from typing import assert_never
from uuid import UUID

from redis.asyncio import Redis

from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session, savepoint
from app.backend.core.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from app.backend.runs import deletion, engine_repository, service
from app.backend.runs.parts import RunParts
from app.backend.runs.schemas import BulkAction, RunOutcome

PERMISSIONS = {
    BulkAction.STOP: Permission.CHANGE_RUN,
    BulkAction.RETRY: Permission.ADD_RUN,
    BulkAction.REQUEUE: Permission.ADD_RUN,
    BulkAction.DELETE: Permission.DELETE_RUN,
}
HAS_ENDED = "It has ended already."


async def change_runs(
    session: Session,
    actor: Actor,
    *,
    action: BulkAction,
    run_ids: Sequence[UUID],
    parts: RunParts,
) -> list[RunOutcome]:
    """Do `action` to each run.

    Raises:
        Forbidden: the actor may not do this to any run.
    """
    if not actor.may(PERMISSIONS[action]):
        message = f"You may not do this: it needs the permission {PERMISSIONS[action].value!r}. Ask an administrator."
        raise Forbidden(message)
    match action:
        case BulkAction.STOP:
            return await stop_runs(session, actor, run_ids=run_ids, parts=parts)
        case BulkAction.RETRY:
            return await retry_runs(session, actor, run_ids=run_ids, parts=parts)
        case BulkAction.REQUEUE:
            return await requeue_runs(session, actor, run_ids=run_ids, parts=parts)
        case BulkAction.DELETE:
            return await delete_runs(session, actor, run_ids=run_ids, redis=parts.redis)
        case _:
            assert_never(action)


async def stop_runs(
    session: Session, actor: Actor, *, run_ids: Sequence[UUID], parts: RunParts
) -> list[RunOutcome]:
    """Stop runs; those that have ended are skipped."""

    async def stop(run_id: UUID) -> None:
        if (await service.get_run(session, actor, run_id=run_id)).status.is_terminal:
            raise Conflict(HAS_ENDED)
        await service.stop_run(session, actor, run_id=run_id, parts=parts)

    return await _each(session, run_ids, stop)


async def retry_runs(
    session: Session, actor: Actor, *, run_ids: Sequence[UUID], parts: RunParts
) -> list[RunOutcome]:
    """Start each run's input again, in new runs; those that go on are skipped."""

    async def retry(run_id: UUID) -> UUID:
        view = await service.retry_run(session, actor, run_id=run_id, parts=parts)
        return view.id

    return await _each(session, run_ids, retry)


async def requeue_runs(
    session: Session, actor: Actor, *, run_ids: Sequence[UUID], parts: RunParts
) -> list[RunOutcome]:
    """Let runs go on after their last kept step, in new runs; those of which nothing is kept begin anew."""

    async def requeue(run_id: UUID) -> UUID:
        run = await service.get_run(session, actor, run_id=run_id)
        is_kept = (
            run.status in service.RESUMABLE
            and await engine_repository.find_newest_step(session, run_id)
        )
        start = service.resume_run if is_kept else service.retry_run
        view = await start(session, actor, run_id=run_id, parts=parts)
        return view.id

    return await _each(session, run_ids, requeue)


async def delete_runs(
    session: Session,
    actor: Actor,
    *,
    run_ids: Sequence[UUID],
    redis: Redis,
) -> list[RunOutcome]:
    """Delete runs for ever; those that go on are skipped, and say so."""

    async def delete(run_id: UUID) -> None:
        await deletion.delete_run(session, actor, run_id=run_id, redis=redis)

    # What a run started is younger, and would be gone with it already.
    found = await _each(session, sorted(run_ids, reverse=True), delete)
    by_id = {outcome.run_id: outcome for outcome in found}
    return [by_id[run_id] for run_id in dict.fromkeys(run_ids)]


async def _each(
    session: Session,
    run_ids: Sequence[UUID],
    act: Callable[[UUID], Awaitable[UUID | None]],
) -> list[RunOutcome]:
    outcomes: list[RunOutcome] = []
    for run_id in dict.fromkeys(run_ids):
        try:
            async with savepoint(session):
                new_run_id = await act(run_id)
        except (NotFound, Conflict, TooMany, Invalid) as error:
            outcomes.append(
                RunOutcome(run_id=run_id, is_done=False, message=error.message)
            )
        else:
            outcomes.append(
                RunOutcome(run_id=run_id, is_done=True, new_run_id=new_run_id)
            )
    return outcomes
