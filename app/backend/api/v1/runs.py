"""Routes of runs: start, follow, stop, answer, repeat, download."""

from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.backend.api import sse
from app.backend.api.deps import (
    PartsDep,
    ReadDep,
    WriteDep,
    may,
)
from app.backend.api.parts import ApiParts
from app.backend.api.v1.log_filter import Viewer, Wanted
from app.backend.core.actor import Actor, Permission
from app.backend.runs import answers, steps, trees
from app.backend.runs import batch as batches
from app.backend.runs import service as runs
from app.backend.runs.answers import AnswerDraft
from app.backend.runs.schemas import EventPage, RunDraft, RunView, Tags
from app.backend.runs.steps import RunFork, StepDetail, StepList
from app.backend.runs.trees import RunTree

router = APIRouter(tags=["runs"])

EVENTS_DEFAULT = 200
EVENTS_MAX = 1000
TRIGGER = "api"

Starter = Annotated[Actor, may(Permission.ADD_RUN)]
IdempotencyKey = Annotated[
    str | None,
    Header(max_length=200, description="The same key twice starts one run."),
]
Seq = Annotated[int | None, Query(ge=0, le=sse.SEQ_MAX)]
StepPath = Annotated[int, Path(ge=0, le=sse.SEQ_MAX)]


class RunStart(BaseModel):
    """A run to be started; `input` has at least a `query`."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={"example": {"input": {"query": "What is this?"}}},
    )

    input: dict[str, Any]
    thread_id: UUID | None = Field(None, description="The conversation to go on with.")
    tags: Tags = Field(default_factory=list[str], description="To find it again by.")


class RunOfBatch(BaseModel):
    """One run of a batch; `input` has at least a `query`."""

    model_config = ConfigDict(frozen=True)

    input: dict[str, Any]
    tags: Tags = Field(default_factory=list[str], description="To find it again by.")


class RunBatch(BaseModel):
    """Runs to be started together."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {"runs": [{"input": {"query": "What is this?"}}]}
        },
    )

    runs: list[RunOfBatch] = Field(min_length=1, max_length=batches.BATCH_MAX)


class RunList(BaseModel):
    """The runs of a batch, in its order."""

    model_config = ConfigDict(frozen=True)

    items: list[RunView]


@router.post("/api/v1/agents/{agent_id}/runs", status_code=202)
async def start_run(
    actor: Starter,
    parts: PartsDep,
    session: WriteDep,
    agent_id: UUID,
    start: RunStart,
    idempotency_key: IdempotencyKey = None,
) -> RunView:
    """Queue a run and return at once; its events tell how it goes."""
    draft = RunDraft(
        input=start.input,
        thread_id=start.thread_id,
        trigger=TRIGGER,
        request_id=_request_id(actor, idempotency_key),
        tags=start.tags,
    )
    return await runs.start_run(
        session,
        actor,
        agent_id=agent_id,
        draft=draft,
        parts=parts,
    )


@router.post("/api/v1/agents/{agent_id}/runs/batch", status_code=202)
async def start_runs(
    actor: Starter,
    parts: PartsDep,
    session: WriteDep,
    agent_id: UUID,
    batch: RunBatch,
    idempotency_key: IdempotencyKey = None,
) -> RunList:
    """Queue many runs, each in a conversation of its own; all of them or none."""
    first = _request_id(actor, idempotency_key)
    drafts = [
        RunDraft(
            input=start.input,
            trigger=TRIGGER,
            request_id=None if first is None else uuid5(first, str(place)),
            tags=start.tags,
        )
        for place, start in enumerate(batch.runs)
    ]
    items = await batches.start_runs(
        session, actor, agent_id=agent_id, drafts=drafts, parts=parts
    )
    return RunList(items=items)


@router.get("/api/v1/runs/{run_id}")
async def show_run(actor: Viewer, session: ReadDep, run_id: UUID) -> RunView:
    """Return a run with its output."""
    return await runs.show_run(session, actor, run_id=run_id)


@router.get(
    "/api/v1/runs/{run_id}/events",
    response_model=EventPage,
    responses={200: {"content": {sse.MEDIA_TYPE: {}}}},
)
async def list_events(
    request: Request,
    actor: Viewer,
    parts: PartsDep,
    run_id: UUID,
    wanted: Wanted,
    after: Seq = None,
    before: Annotated[int | None, Query(ge=1, le=sse.SEQ_MAX)] = None,
    limit: Annotated[int, Query(ge=1, le=EVENTS_MAX)] = EVENTS_DEFAULT,
) -> Response | EventPage:
    """Return a stretch of a run's log, or follow it when asked for `text/event-stream`.

    A search by `regex` may return a page that is not full, even an empty one, when the log is long: while `has_more`,
    go on with `next_seq` as `after`, or as `before`. The stream begins after `Last-Event-ID` (or `after`) and ends with the run.
    """
    if sse.MEDIA_TYPE in request.headers.get("accept", ""):
        return await _follow(request, parts, actor, run_id, after or 0)
    stretch = {"after": after, "before": before, "limit": limit}
    part = wanted.model_copy(update=stretch)
    async with parts.db.read() as session:
        return await runs.list_events(session, actor, run_id=run_id, filter=part)


@router.post("/api/v1/runs/{run_id}/stop")
async def stop_run(
    actor: Annotated[Actor, may(Permission.CHANGE_RUN)],
    parts: PartsDep,
    session: WriteDep,
    run_id: UUID,
) -> RunView:
    """Stop a run; a run that has ended stays as it is."""
    return await runs.stop_run(session, actor, run_id=run_id, parts=parts)


@router.post("/api/v1/runs/{run_id}/answer", status_code=202)
async def answer_run(
    actor: Annotated[Actor, may(Permission.CHANGE_RUN)],
    parts: PartsDep,
    session: WriteDep,
    run_id: UUID,
    answer: AnswerDraft,
) -> RunView:
    """Answer the `question` of a run that is `waiting`: it is queued and goes on with the answer.

    Of two answers the first counts; the second gets 409. What the question does not allow gets 400, with what it does.
    """
    return await answers.answer_run(
        session,
        actor,
        run_id=run_id,
        draft=answer,
        parts=parts,
    )


@router.post("/api/v1/runs/{run_id}/retry", status_code=202)
async def retry_run(
    actor: Starter,
    parts: PartsDep,
    session: WriteDep,
    run_id: UUID,
    idempotency_key: IdempotencyKey = None,
) -> RunView:
    """Start a new run with the input of one that has ended."""
    return await runs.retry_run(
        session,
        actor,
        run_id=run_id,
        parts=parts,
        request_id=_request_id(actor, idempotency_key),
    )


@router.post("/api/v1/runs/{run_id}/resume", status_code=202)
async def resume_run(
    actor: Starter,
    parts: PartsDep,
    session: WriteDep,
    run_id: UUID,
    idempotency_key: IdempotencyKey = None,
) -> RunView:
    """Start a new run that goes on after the last step of one that failed, was stopped, or took too long.

    What was kept of such a run is deleted some days after its end, see `ATELIER_CHECKPOINT_DAYS`.
    """
    return await runs.resume_run(
        session,
        actor,
        run_id=run_id,
        parts=parts,
        request_id=_request_id(actor, idempotency_key),
    )


@router.get("/api/v1/runs/{run_id}/tree")
async def show_tree(actor: Viewer, session: ReadDep, run_id: UUID) -> RunTree:
    """Return all runs of the tree that a run belongs to: the first one, what it started, and what those started."""
    return await trees.read_tree(session, actor, run_id=run_id)


@router.get("/api/v1/runs/{run_id}/steps")
async def list_steps(actor: Viewer, session: ReadDep, run_id: UUID) -> StepList:
    """List the steps of a run that are kept, from its input, which is step 0."""
    return await steps.list_steps(session, actor, run_id=run_id)


@router.get("/api/v1/runs/{run_id}/steps/{step}")
async def show_step(
    actor: Viewer, parts: PartsDep, run_id: UUID, step: StepPath
) -> StepDetail:
    """Return what the graph of a run held after a step, and the difference to the step before."""
    async with parts.db.read() as session:
        found = await steps.find_step(session, actor, run_id=run_id, step=step)
    return await steps.read_step(parts.checkpoints, found)


@router.post("/api/v1/runs/{run_id}/fork", status_code=202)
async def fork_run(
    actor: Starter,
    parts: PartsDep,
    session: WriteDep,
    run_id: UUID,
    fork: RunFork,
    idempotency_key: IdempotencyKey = None,
) -> RunView:
    """Start a new run that goes on after a step of this one, with another input or other instructions.

    What comes after the step is done again, with all its side effects. This run stays as it is.
    """
    return await steps.fork_run(
        session,
        actor,
        run_id=run_id,
        fork=fork,
        parts=parts,
        request_id=_request_id(actor, idempotency_key),
    )


async def _follow(
    request: Request, parts: ApiParts, actor: Actor, run_id: UUID, after: int
) -> Response:
    last_id = sse.last_event_id(request)
    after = after if last_id is None else last_id
    async with parts.db.read() as session:
        run = await runs.get_run(session, actor, run_id=run_id)
    if run.status.is_terminal and run.last_seq <= after:
        # 204 is how a server tells an EventSource not to come back.
        return Response(status_code=204)
    return sse.stream(request, sse.frames_of(parts.feed.follow(run_id, after)))


def _request_id(actor: Actor, key: str | None) -> UUID | None:
    return uuid5(actor.user_id, key) if key else None
