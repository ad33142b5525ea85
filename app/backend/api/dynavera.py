"""The agent routes and websocket messages of the first clients: our agents and events in their words."""

from datetime import datetime
from typing import Annotated, assert_never
from uuid import UUID

from fastapi import APIRouter, File, UploadFile
from pydantic import BaseModel, ConfigDict

from app.backend.agents import collections
from app.backend.agents import service as agents
from app.backend.agents.schemas import AgentDraft, AgentView
from app.backend.api.deps import (
    CursorQuery,
    LimitQuery,
    PartsDep,
    ReadDep,
    WriteDep,
    may,
)
from app.backend.api.uploads import Uploaded, take_all
from app.backend.core.actor import Actor, Permission
from app.backend.core.paging import PAGE_SIZE
from app.backend.core.run_events import RunStatus
from app.backend.knowledge.choice import choose_embedder
from app.backend.runs import service as runs

router = APIRouter(tags=["agents, short form"])

Viewer = Annotated[Actor, may(Permission.VIEW_AGENT)]


class ShortAgent(BaseModel):
    """An agent as it is listed; its status is that of its newest run."""

    model_config = ConfigDict(frozen=True)

    uuid: UUID
    name: str
    description: str
    status: str
    created_at: datetime
    updated_at: datetime


class ShortAgents(BaseModel):
    """A page of agents."""

    items: list[ShortAgent]
    next_cursor: str | None


def status_word(status: RunStatus | None) -> str:
    """Return the word for an agent whose newest run has `status`."""
    match status:
        case None:
            return "idle"
        case RunStatus.QUEUED | RunStatus.RUNNING | RunStatus.WAITING:
            return "running"
        case RunStatus.FAILED | RunStatus.TIMED_OUT:
            return "error"
        case RunStatus.COMPLETED | RunStatus.STOPPED:
            return status.value
        case _:
            assert_never(status)


@router.get("/agent")
async def list_agents(
    actor: Viewer,
    session: ReadDep,
    cursor: CursorQuery = None,
    limit: LimitQuery = PAGE_SIZE,
) -> ShortAgents:
    """List agents."""
    page = await agents.list_agents(session, actor, cursor=cursor, limit=limit)
    found = await runs.with_last_run(session, actor, page.items)
    return ShortAgents(
        items=[_short(view) for view in found], next_cursor=page.next_cursor
    )


@router.post("/agent", status_code=201)
async def create_agent(
    actor: Annotated[Actor, may(Permission.ADD_AGENT)],
    parts: PartsDep,
    session: WriteDep,
    draft: AgentDraft,
) -> ShortAgent:
    """Make an agent; a name is enough."""
    view = await agents.create_agent(
        session,
        actor,
        draft=draft,
        keyring=parts.keyring,
        default_model=await parts.models.default_name(actor, draft.model),
        tools=parts.tools,
    )
    return _short(view)


@router.get("/agent/{agent_id}")
async def show_agent(actor: Viewer, session: ReadDep, agent_id: UUID) -> ShortAgent:
    """Return an agent."""
    view = await agents.get_agent(session, actor, agent_id=agent_id)
    return _short((await runs.with_last_run(session, actor, [view]))[0])


@router.post("/api/agents/{agent_id}/knowledge/upload", status_code=202)
async def upload_knowledge(
    actor: Annotated[Actor, may(Permission.ADD_KNOWLEDGE)],
    parts: PartsDep,
    agent_id: UUID,
    files: Annotated[list[UploadFile], File(description="One or more files.")],
) -> Uploaded:
    """Upload documents for an agent; its first upload makes it a collection."""
    model = await choose_embedder(parts, actor)
    async with parts.db.transaction() as session:
        collection_id = await collections.need_collection(
            session, actor, agent_id=agent_id, embedding_model=model
        )
    return await take_all(parts, actor, collection_id=collection_id, files=files)


def _short(view: AgentView) -> ShortAgent:
    return ShortAgent(
        uuid=view.id,
        name=view.name,
        description=view.description,
        status=status_word(view.last_run_status),
        created_at=view.created_at,
        updated_at=view.updated_at,
    )
