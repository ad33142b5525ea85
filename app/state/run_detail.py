"""What the pages of one run show of it: flat, and as browsers take it."""

import json

from pydantic import BaseModel, ConfigDict, Field

from app import routes
from app.backend.core.run_events import Citation, Passage, RunOutput
from app.backend.core.stored_events import RunEvent
from app.backend.knowledge.excerpts import excerpt, plain_text
from app.backend.runs.schemas import RunView
from app.backend.usage.words import cost_words
from app.state.lines import iso, score_words, shown_status
from app.state.questions import QuestionDetail, question_detail

IDLE = "idle"
TEXT_LENGTH_MAX = 160
HELD = "It begins when the question before it in this conversation has its answer."
TAKEN_BACK = "A later question took its place: the conversation goes on as if this one had not been asked."


class TagLine(BaseModel):
    """A tag, and the list of the runs that have it."""

    model_config = ConfigDict(frozen=True)

    text: str
    path: str


class RunDetail(BaseModel):
    """A run; empty while there is none."""

    model_config = ConfigDict(frozen=True)

    id: str = ""
    agent_id: str = ""
    agent_name: str = ""
    thread_id: str = ""
    status: str = IDLE
    trigger: str = ""
    query: str = ""
    extra: str = ""
    error: str = ""
    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0
    cost: str = ""
    context: str = ""
    attempt: int = 0
    origin_id: str = ""
    origin_step: int = -1
    parent_id: str = ""
    correlation_id: str = ""
    note: str = ""
    created_at: str = ""
    started_at: str = ""
    completed_at: str = ""
    question: QuestionDetail = QuestionDetail()
    tags: list[TagLine] = Field(default_factory=list[TagLine])


class EventLine(BaseModel):
    """An event as one short line."""

    model_config = ConfigDict(frozen=True)

    seq: int
    kind: str
    text: str


class TurnLine(BaseModel):
    """A question of a conversation and its answer."""

    model_config = ConfigDict(frozen=True)

    id: str
    query: str
    answer: str
    status: str
    created_at: str


class SourceLine(BaseModel):
    """A passage in a list of sources; `text` is how it begins, without marks."""

    model_config = ConfigDict(frozen=True)

    n: int
    chunk_id: str
    document_id: str
    document_name: str
    page: int
    text: str
    score: str


def source_line(source: Citation | Passage) -> SourceLine:
    """Return a passage for a list of sources."""
    return SourceLine(
        n=source.n,
        chunk_id=str(source.chunk_id),
        document_id=str(source.document_id),
        document_name=source.document_name,
        page=source.page or 0,
        text=excerpt(source.text, source.document_name),
        score=score_words(source.score),
    )


def run_detail(run: RunView) -> RunDetail:
    """Return a run for its page; what the input has besides the question is shown as JSON."""
    extra = {name: value for name, value in run.input.items() if name != "query"}
    return RunDetail(
        id=str(run.id),
        agent_id=str(run.agent_id or ""),
        agent_name=run.agent_name,
        thread_id=str(run.thread_id or ""),
        status=shown_status(run.status, run.waits_for_id, run.error_code),
        trigger=run.trigger,
        query=str(run.input.get("query", "")),
        extra=json.dumps(extra, ensure_ascii=False, indent=2) if extra else "",
        error=run.error,
        model=run.model,
        tokens_in=run.tokens_in,
        tokens_out=run.tokens_out,
        cost=cost_words(run.cost) if run.cost else "",
        context=f"{percent} % of the window at most"
        if run.cost and (percent := run.cost.window_percent) is not None
        else "",
        attempt=run.attempt,
        origin_id=str(run.origin_id or ""),
        origin_step=-1 if run.origin_step is None else run.origin_step,
        parent_id=str(run.parent_id or ""),
        correlation_id=str(run.correlation_id),
        note=_note(run),
        created_at=iso(run.created_at),
        started_at=iso(run.started_at),
        completed_at=iso(run.completed_at),
        question=question_detail(run.question),
        tags=[TagLine(text=tag, path=routes.runs_path(tag=tag)) for tag in run.tags],
    )


def _note(run: RunView) -> str:
    if run.is_held:
        return HELD
    return TAKEN_BACK if run.is_taken_back else ""


def event_line(event: RunEvent) -> EventLine:
    """Return an event as one line of the log's end."""
    payload = event.payload
    found = next(
        (
            str(payload[name])
            for name in ("message", "content", "text", "error", "reason", "question")
            if payload.get(name)
        ),
        "",
    )
    if event.type == "stage_changed":
        found = f"{payload.get('stage', '')}: {found}"
    return EventLine(seq=event.seq, kind=event.type, text=found[:TEXT_LENGTH_MAX])


def turn_line(run: RunDetail, output: RunOutput | None) -> TurnLine:
    """Return a run as a turn of its conversation."""
    return TurnLine(
        id=run.id,
        query=run.query,
        answer=plain_text(output.answer if output else run.error),
        status=run.status,
        created_at=run.created_at,
    )
