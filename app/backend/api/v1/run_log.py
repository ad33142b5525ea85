"""A run's log as a file, in the format that is asked for."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from app.backend.api.deps import PartsDep
from app.backend.api.parts import ApiParts
from app.backend.api.v1.log_filter import Viewer, Wanted
from app.backend.core.actor import Actor
from app.backend.core.stored_events import RunEvent
from app.backend.runs import service as runs
from app.backend.runs.exports import jsonl, otlp, text
from app.backend.runs.schemas import EventFilter, RunView
from app.backend.runs.search import needs_reading

router = APIRouter(tags=["runs"])

PAGE_EVENTS = 1000
Format = Literal["jsonl", "text", "otlp"]
_FILES = {
    "jsonl": ("jsonl", "application/jsonl"),
    "text": ("txt", "text/plain; charset=utf-8"),
    "otlp": ("otlp.json", "application/json"),
}


@router.get("/api/v1/runs/{run_id}/log", response_class=StreamingResponse)
async def download_log(
    actor: Viewer,
    parts: PartsDep,
    run_id: UUID,
    wanted: Wanted,
    format: Annotated[  # noqa: A002 - the word of the API
        Format,
        Query(
            description="`jsonl`: one event a line, as JSON; `text`: one line each, in words; `otlp`: a trace in the JSON of OpenTelemetry."
        ),
    ] = "jsonl",
) -> StreamingResponse:
    """Download a run's log, or what a filter keeps of it: as JSON, as text, or as a trace."""
    async with parts.db.read() as session:
        run = await runs.get_run(session, actor, run_id=run_id)
        if needs_reading(wanted):
            # Asked for now, so that a wrong pattern is an answer and not a broken download.
            first = wanted.model_copy(update={"after": 0, "limit": 1})
            await runs.list_events(session, actor, run_id=run_id, filter=first)
    ending, kind = _FILES[format]
    return StreamingResponse(
        _write(parts, actor, run, wanted, format),
        media_type=kind,
        headers={
            "Content-Disposition": f'attachment; filename="run-{run_id}.{ending}"'
        },
    )


async def _write(
    parts: ApiParts, actor: Actor, run: RunView, wanted: EventFilter, kind: Format
) -> AsyncIterator[str]:
    async with aclosing(_read(parts, actor, run.id, wanted)) as events:
        match kind:
            case "jsonl":
                lines = jsonl.write(events)
            case "text":
                lines = text.write(events)
            case "otlp":
                lines = otlp.write(run, events)
        async for line in lines:
            yield line


async def _read(
    parts: ApiParts, actor: Actor, run_id: UUID, wanted: EventFilter
) -> AsyncGenerator[RunEvent, None]:
    after: int | None = 0
    while after is not None:
        part = wanted.model_copy(update={"after": after, "limit": PAGE_EVENTS})
        async with parts.db.read() as session:
            page = await runs.list_events(session, actor, run_id=run_id, filter=part)
        for event in page.items:
            yield event
        after = page.next_seq
