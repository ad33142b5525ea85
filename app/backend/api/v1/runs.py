"""Routes of runs: start, follow, stop, repeat, download."""

from collections.abc import AsyncGenerator
from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from app.backend.api import sse
from app.backend.api.deps import (
    CursorQuery,
    LimitQuery,
    PartsDep,
    ReadDep,
    WriteDep,
    may,
)
from app.backend.api.parts import ApiParts
from app.backend.core.actor import Actor, Permission
from app.backend.core.errors import Invalid
from app.backend.core.paging import PAGE_SIZE, Page
from app.backend.core.run_events import Level, RunStatus
from app.backend.core.texts import Text
from app.backend.runs import service as runs
from app.backend.runs.schemas import EventFilter, EventPage, RunDraft, RunView

router = APIRouter(tags=["runs"])

EVENTS_DEFAULT = 200
EVENTS_MAX = 1000
SEQ_MAX = 2**31 - 1
TRIGGER = "api"

Viewer = Annotated[Actor, may(Permission.VIEW_RUN)]
Starter = Annotated[Actor, may(Permission.ADD_RUN)]
IdempotencyKey = Annotated[
    str | None,
    Header(max_length=200, description="The same key twice starts one run."),
]
Seq = Annotated[int | None, Query(ge=0, le=SEQ_MAX)]


class RunStart(BaseModel):
    """A run to be started; `input` has at least a `query`."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={"example": {"input": {"query": "What is this?"}}},
    )

    input: dict[str, Any]
    thread_id: UUID | None = Field(None, description="The conversation to go on with.")


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
    )
    return await runs.start_run(
        session,
        actor,
        agent_id=agent_id,
        draft=draft,
        outbox=parts.outbox,
        active_max=parts.settings.runs_active_max,
    )


@router.get("/api/v1/runs")
async def list_runs(
    actor: Viewer,
    session: ReadDep,
    agent_id: UUID | None = None,
    status: Annotated[list[RunStatus] | None, Query()] = None,
    dead: Annotated[
        bool, Query(description="Only runs that lost too many workers.")
    ] = False,
    cursor: CursorQuery = None,
    limit: LimitQuery = PAGE_SIZE,
) -> Page[RunView]:
    """List runs, newest first."""
    return await runs.list_runs(
        session,
        actor,
        agent_id=agent_id,
        status=status,
        is_dead=dead,
        cursor=cursor,
        limit=limit,
    )


@router.get("/api/v1/runs/{run_id}")
async def show_run(actor: Viewer, session: ReadDep, run_id: UUID) -> RunView:
    """Return a run with its output."""
    return await runs.get_run(session, actor, run_id=run_id)


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
    after: Seq = None,
    before: Annotated[int | None, Query(ge=1, le=SEQ_MAX)] = None,
    limit: Annotated[int, Query(ge=1, le=EVENTS_MAX)] = EVENTS_DEFAULT,
    q: Annotated[Text, Query(max_length=200, description="Text in the event.")] = "",
    type: Annotated[list[Text] | None, Query(description="Only these types.")] = None,  # noqa: A002 - the word of the API
    level: Annotated[Level | None, Query(description="From this level on.")] = None,
    regex: Annotated[
        bool, Query(description="`q` is a regular expression, as RE2 takes it.")
    ] = False,
    case: Annotated[bool, Query(description="`q` minds upper and lower case.")] = False,
) -> Response | EventPage:
    """Return a stretch of a run's log, or follow it when asked for `text/event-stream`.

    A search by `regex` may return a page that is not full, even an empty one, when the log is long: while `has_more`,
    go on with `next_seq` as `after`, or as `before`. The stream begins after `Last-Event-ID` (or `after`) and ends with the run.
    """
    if sse.MEDIA_TYPE in request.headers.get("accept", ""):
        return await _follow(request, parts, actor, run_id, after or 0)
    wanted = EventFilter(
        after=after,
        before=before,
        limit=limit,
        types=type or [],
        level=level,
        text=q,
        is_regex=regex,
        is_case=case,
    )
    async with parts.db.read() as session:
        return await runs.list_events(session, actor, run_id=run_id, filter=wanted)


@router.get("/api/v1/runs/{run_id}/log", response_class=StreamingResponse)
async def download_log(
    actor: Viewer, parts: PartsDep, session: ReadDep, run_id: UUID
) -> StreamingResponse:
    """Download a run's log: one event a line, as JSON."""
    await runs.get_run(session, actor, run_id=run_id)
    name = f'attachment; filename="run-{run_id}.jsonl"'
    return StreamingResponse(
        _lines(parts, actor, run_id),
        media_type="application/jsonl",
        headers={"Content-Disposition": name},
    )


@router.post("/api/v1/runs/{run_id}/stop")
async def stop_run(
    actor: Annotated[Actor, may(Permission.CHANGE_RUN)],
    parts: PartsDep,
    session: WriteDep,
    run_id: UUID,
) -> RunView:
    """Stop a run; a run that has ended stays as it is."""
    return await runs.stop_run(session, actor, run_id=run_id, redis=parts.redis)


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
        outbox=parts.outbox,
        active_max=parts.settings.runs_active_max,
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
        outbox=parts.outbox,
        active_max=parts.settings.runs_active_max,
        request_id=_request_id(actor, idempotency_key),
    )


async def _follow(
    request: Request, parts: ApiParts, actor: Actor, run_id: UUID, after: int
) -> Response:
    last_id = request.headers.get("last-event-id", "").strip()
    if last_id:
        if not (last_id.isdecimal() and int(last_id) <= SEQ_MAX):
            message = f"Last-Event-ID is {last_id!r}; it must be the `seq` of an event."
            raise Invalid.field("Last-Event-ID", message)
        after = int(last_id)
    async with parts.db.read() as session:
        run = await runs.get_run(session, actor, run_id=run_id)
    if run.status.is_terminal and run.last_seq <= after:
        # 204 is how a server tells an EventSource not to come back.
        return Response(status_code=204)
    return sse.stream(request, parts.feed.follow(run_id, after))


async def _lines(
    parts: ApiParts, actor: Actor, run_id: UUID
) -> AsyncGenerator[str, None]:
    after, has_more = 0, True
    while has_more:
        wanted = EventFilter(after=after, before=None, limit=EVENTS_MAX)
        async with parts.db.read() as session:
            page = await runs.list_events(session, actor, run_id=run_id, filter=wanted)
        for event in page.items:
            yield f"{event.model_dump_json()}\n"
        has_more = page.has_more and bool(page.items)
        after = page.items[-1].seq if page.items else after


def _request_id(actor: Actor, key: str | None) -> UUID | None:
    return uuid5(actor.user_id, key) if key else None
