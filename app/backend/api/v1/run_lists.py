"""Routes of many runs: list and find them, tag them, stop, repeat and delete them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.backend.api.deps import (
    CursorQuery,
    LimitQuery,
    PartsDep,
    ReadDep,
    WriteDep,
    may,
)
from app.backend.api.v1.log_filter import Viewer
from app.backend.core.actor import Actor, Permission
from app.backend.core.paging import PAGE_SIZE, PAGE_SIZE_MAX, Page
from app.backend.core.run_events import RunStatus
from app.backend.core.texts import Text
from app.backend.runs import bulk, deletion, tags
from app.backend.runs import service as runs
from app.backend.runs.schemas import BulkAction, RunFilter, RunOutcome, RunTags, RunView

router = APIRouter(tags=["runs"])


class BulkRequest(BaseModel):
    """One action for many runs."""

    model_config = ConfigDict(frozen=True)

    action: BulkAction
    run_ids: list[UUID] = Field(min_length=1, max_length=PAGE_SIZE_MAX)


class BulkAnswer(BaseModel):
    """What became of each run, in the order of the request."""

    results: list[RunOutcome]


@router.get("/api/v1/runs")
async def list_runs(
    actor: Viewer,
    session: ReadDep,
    agent_id: UUID | None = None,
    status: Annotated[list[RunStatus] | None, Query()] = None,
    trigger: Annotated[
        Text, Query(description="Who started it, such as `user` or `api`.")
    ] = "",
    since: Annotated[
        AwareDatetime | None, Query(description="Only those from this moment on.")
    ] = None,
    until: Annotated[
        AwareDatetime | None, Query(description="Only those before this moment.")
    ] = None,
    q: Annotated[
        Text,
        Query(
            max_length=200,
            description="Words of the question or the error, or how they begin; a run has all of them.",
        ),
    ] = "",
    tag: Annotated[
        list[Text] | None, Query(description="Only runs with all of these tags.")
    ] = None,
    dead: Annotated[
        bool, Query(description="Only runs that lost too many workers.")
    ] = False,
    cursor: CursorQuery = None,
    limit: LimitQuery = PAGE_SIZE,
) -> Page[RunView]:
    """List runs, newest first."""
    wanted = RunFilter(
        agent_id=agent_id,
        statuses=status or [],
        trigger=trigger,
        since=since,
        until=until,
        text=q,
        tags=tag or [],
        is_dead=dead,
    )
    return await runs.list_runs(
        session, actor, wanted=wanted, cursor=cursor, limit=limit
    )


@router.post("/api/v1/runs/bulk")
async def change_runs(
    actor: Annotated[Actor, may(Permission.CHANGE_RUN)],
    parts: PartsDep,
    session: WriteDep,
    asked: BulkRequest,
) -> BulkAnswer:
    """Stop, retry, requeue or delete up to 200 runs; each has a result of its own.

    `requeue` lets a run go on after its last kept step, in a new run, or begin anew when nothing is kept.
    Runs that go on are not deleted or repeated: stop them first.
    """
    found = await bulk.change_runs(
        session, actor, action=asked.action, run_ids=asked.run_ids, parts=parts
    )
    return BulkAnswer(results=found)


@router.patch("/api/v1/runs/{run_id}")
async def change_run(
    actor: Annotated[Actor, may(Permission.CHANGE_RUN)],
    session: WriteDep,
    run_id: UUID,
    change: RunTags,
) -> RunView:
    """Give a run other tags."""
    return await tags.set_tags(session, actor, run_id=run_id, tags=change.tags)


@router.delete("/api/v1/runs/{run_id}", status_code=204)
async def delete_run(
    actor: Annotated[Actor, may(Permission.DELETE_RUN)],
    parts: PartsDep,
    session: WriteDep,
    run_id: UUID,
) -> Response:
    """Delete a run that has ended, with its log and its part of the conversation, for ever."""
    await deletion.delete_run(session, actor, run_id=run_id, redis=parts.redis)
    return Response(status_code=204)
