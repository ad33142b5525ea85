"""What lists show of agents, runs and documents: short, flat, and only what is on the screen."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from app.backend.agents.schemas import AgentView
from app.backend.core.spending import OUT_OF_TIME, OVER_BUDGET
from app.backend.identity.sharing_schemas import Level
from app.backend.knowledge.schemas import CollectionView, DocumentStatus, DocumentView
from app.backend.runs.schemas import RunView
from app.backend.usage.words import cost_words

QUERY_LENGTH_MAX = 160
# Not a status of its own: waiting, and not for a person.
WAITS_FOR_RUN = "waiting_for_run"
# Nor are these: the limits that have a word of their own.
_LIMITS = {OVER_BUDGET: "over_budget", OUT_OF_TIME: "out_of_time"}
TIMED_OUT = ("timed_out", *_LIMITS.values())
_KILO = 1024
_STAGES = [
    DocumentStatus.UPLOADED,
    DocumentStatus.PARSED,
    DocumentStatus.CHUNKED,
    DocumentStatus.EMBEDDED,
    DocumentStatus.READY,
]


class Line(BaseModel):
    """A row of a list."""

    model_config = ConfigDict(frozen=True)

    id: str


class RunLine(Line):
    """A run in a list."""

    agent_id: str
    agent_name: str
    query: str
    status: str
    trigger: str
    tags: list[str]
    error: str
    cost: str
    created_at: str
    started_at: str
    completed_at: str


class SharedLine(Line):
    """What may be somebody else's, and what the reader may do with it."""

    is_own: bool = True
    is_public: bool = False
    can_run: bool = True
    can_edit: bool = True
    owner_name: str = ""


class AgentLine(SharedLine):
    """An agent in a list."""

    name: str
    description: str
    model: str
    kind: str
    is_remote: bool
    collections: int
    prompts: list[str]
    last_status: str
    last_at: str


class CollectionLine(SharedLine):
    """A collection in a list."""

    name: str
    description: str
    documents: int
    chunks: int
    size: str
    updated_at: str
    embedding_model: str = ""


NO_COLLECTION = CollectionLine(
    id="", name="", description="", documents=0, chunks=0, size="", updated_at=""
)


class DocumentLine(Line):
    """A document in a list; `stage` counts the stages behind it, of five, and `percent` is for the bar."""

    name: str
    size: str
    status: str
    stage: int
    percent: int
    progress: str
    error: str
    pages: int
    chunks: int
    is_final: bool
    created_at: str


def iso(moment: datetime | None) -> str:
    """Return a moment as browsers parse it, or nothing."""
    return moment.isoformat() if moment else ""


def size_words(size: float) -> str:
    """Return a number of bytes for people."""
    if size < _KILO:
        return f"{size:.0f} B"
    size /= _KILO
    for unit in ("KB", "MB", "GB"):
        if size < _KILO:
            return f"{size:.0f} {unit}" if size >= 10 else f"{size:.1f} {unit}"
        size /= _KILO
    return f"{size:.1f} TB"


def score_words(score: float) -> str:
    """Return how near a meaning is, as the log writes it too."""
    return f"{score:.2f}"


def shown_status(status: str, waits_for_id: UUID | None, error_code: str = "") -> str:
    """Return the status of a run as pages show it: what waits for another run asks nothing of its owner, and a limit is time or money."""
    if waits_for_id is not None:
        return WAITS_FOR_RUN
    return _LIMITS.get(error_code, status) if status == TIMED_OUT[0] else status


def run_line(run: RunView) -> RunLine:
    """Return a run for a list."""
    return RunLine(
        id=str(run.id),
        agent_id=str(run.agent_id or ""),
        agent_name=run.agent_name,
        query=str(run.input.get("query", ""))[:QUERY_LENGTH_MAX],
        status=shown_status(run.status, run.waits_for_id, run.error_code),
        trigger=run.trigger,
        tags=run.tags,
        error=run.error[:QUERY_LENGTH_MAX],
        cost=cost_words(run.cost) if run.cost else "",
        created_at=iso(run.created_at),
        started_at=iso(run.started_at),
        completed_at=iso(run.completed_at),
    )


def shared_values(view: AgentView | CollectionView) -> dict[str, Any]:
    """Return whose something is and what the reader may do with it, as a `SharedLine` has it."""
    return {
        "is_own": view.access is Level.OWN,
        "can_run": view.access.covers(Level.RUN),
        "can_edit": view.access.covers(Level.EDIT),
        "owner_name": view.owner_name,
    }


def agent_line(agent: AgentView) -> AgentLine:
    """Return an agent for a list."""
    return AgentLine(
        id=str(agent.id),
        name=agent.name,
        description=agent.description,
        model=agent.model,
        kind=agent.kind,
        is_remote=agent.execution == "remote",
        collections=len(agent.collection_ids),
        prompts=agent.suggested_prompts,
        last_status=shown_status(
            agent.last_run_status or "",
            agent.last_run_waits_for_id,
            agent.last_run_error_code,
        ),
        last_at=iso(agent.last_run_at),
        is_public=agent.is_public,
        **shared_values(agent),
    )


def collection_line(collection: CollectionView) -> CollectionLine:
    """Return a collection for a list."""
    return CollectionLine(
        id=str(collection.id),
        name=collection.name,
        description=collection.description,
        documents=collection.documents,
        chunks=collection.chunks,
        size=size_words(collection.size),
        updated_at=iso(collection.updated_at),
        embedding_model=collection.embedding_model,
        **shared_values(collection),
    )


def document_line(document: DocumentView) -> DocumentLine:
    """Return a document for a list, with how far its ingest is."""
    is_failed = document.status == DocumentStatus.FAILED
    stage = 0 if is_failed else _STAGES.index(document.status) + 1
    share = document.chunks_done / document.chunks_total if document.chunks_total else 0
    percent = {1: 8, 2: 20, 3: 30 + round(60 * share), 4: 95, 5: 100}.get(stage, 0)
    return DocumentLine(
        id=str(document.id),
        name=document.name,
        size=size_words(document.size),
        status=document.status,
        stage=stage,
        percent=percent,
        progress=f"{document.chunks_done} of {document.chunks_total} passages"
        if document.chunks_total
        else "",
        error=document.error,
        pages=document.pages,
        chunks=document.chunks_total,
        is_final=is_failed or document.status == DocumentStatus.READY,
        created_at=iso(document.created_at),
    )
