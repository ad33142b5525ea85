"""The installation, for administrators: how it is, and what can be done about it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from app.backend.api.deps import ActorDep, PartsDep, WriteDep, may
from app.backend.core.actor import Actor, Permission
from app.backend.core.jobs import QueueName
from app.backend.runs.retention import Pruned, Retention
from app.backend.system import service as system
from app.backend.system.schemas import SystemView

router = APIRouter(prefix="/api/v1/system", tags=["system"])

_change = may(Permission.CHANGE_SYSTEM)
Administrator = Annotated[Actor, _change]
DryRunQuery = Annotated[
    bool, Query(alias="dry_run", description="Only tell what would be deleted.")
]


class Requeued(BaseModel):
    """The run in which a dead letter goes on."""

    model_config = ConfigDict(frozen=True)

    run_id: UUID


class AllRequeued(BaseModel):
    """How many dead letters go on, and why others do not."""

    model_config = ConfigDict(frozen=True)

    requeued: int
    refused: list[str] = Field(default_factory=list[str])


class Emptied(BaseModel):
    """How many failed jobs were forgotten."""

    model_config = ConfigDict(frozen=True)

    jobs: int


@router.get("", dependencies=[may(Permission.VIEW_INSTALLATION)])
async def show_system(actor: ActorDep, parts: PartsDep) -> SystemView:
    """Tell what every part of the installation does: workers, queues, dead letters, scheduler, storage, versions."""
    return await parts.watch.look(parts, actor)


@router.post("/dead-letters/{dead_run_id}/requeue", status_code=201)
async def requeue_dead_letter(
    dead_run_id: UUID, actor: Administrator, parts: PartsDep, session: WriteDep
) -> Requeued:
    """Let a run that lost its workers go on, in a new run of its owner."""
    new_id = await system.requeue_dead(
        session,
        actor,
        run_id=dead_run_id,
        parts=parts,
    )
    return Requeued(run_id=new_id)


@router.post("/dead-letters/requeue")
async def requeue_dead_letters(
    actor: Administrator, parts: PartsDep, session: WriteDep
) -> AllRequeued:
    """Let all runs that lost their workers go on, at most 200 at once."""
    done, refused = await system.requeue_all_dead(
        session,
        actor,
        parts=parts,
    )
    return AllRequeued(requeued=done, refused=refused)


@router.delete("/queues/{queue}/failed")
async def empty_failed_queue(
    queue: QueueName, actor: Administrator, parts: PartsDep, session: WriteDep
) -> Emptied:
    """Forget the failed jobs of a queue; the runs and documents that they were for stay as they are."""
    count = await system.empty_failed(session, actor, name=queue, redis=parts.redis)
    return Emptied(jobs=count)


@router.post("/checkpoints/prune")
async def prune_checkpoints(
    actor: Administrator, parts: PartsDep, is_dry_run: DryRunQuery = False
) -> Pruned:
    """Delete the steps that nobody needs any more, or tell what would be deleted."""
    retention = Retention(parts.db, parts.checkpoints, parts.settings)
    if is_dry_run:
        return await retention.prune(is_dry_run=True)
    return await system.prune_checkpoints(actor, retention=retention)


@router.post("/runs/{job_run_id}/stop", status_code=204)
async def stop_any_run(
    job_run_id: UUID, actor: Administrator, parts: PartsDep, session: WriteDep
) -> Response:
    """Stop a run of anybody; its worker is free within a second."""
    await system.stop_any_run(session, actor, run_id=job_run_id, parts=parts)
    return Response(status_code=204)
