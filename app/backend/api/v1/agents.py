"""Routes of agents."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.backend.agents import service as agents
from app.backend.agents.schemas import AgentDraft, AgentView
from app.backend.api.bodies import AsShown
from app.backend.api.deps import (
    CursorQuery,
    LimitQuery,
    PartsDep,
    ReadDep,
    ShownQuery,
    WriteDep,
    may,
)
from app.backend.core.actor import Actor, Permission
from app.backend.core.paging import PAGE_SIZE, Page
from app.backend.core.texts import Text
from app.backend.identity.sharing_schemas import Shown
from app.backend.runs import service as runs

router = APIRouter(prefix="/api/v1/agents", tags=["agents"])

Viewer = Annotated[Actor, may(Permission.VIEW_AGENT)]
Changer = Annotated[Actor, may(Permission.CHANGE_AGENT)]


@router.get("")
async def list_agents(
    actor: Viewer,
    session: ReadDep,
    q: Annotated[Text, Query(description="Text in name or description.")] = "",
    shown: ShownQuery = Shown.MINE,
    archived: Annotated[bool, Query(description="The archived ones instead.")] = False,
    cursor: CursorQuery = None,
    limit: LimitQuery = PAGE_SIZE,
) -> Page[AgentView]:
    """List agents with the state of the caller's newest runs of them, newest first."""
    page = await agents.list_agents(
        session,
        actor,
        shown=shown,
        cursor=cursor,
        limit=limit,
        text=q,
        is_archived=archived,
    )
    items = await runs.with_last_run(session, actor, page.items)
    return Page(items=items, next_cursor=page.next_cursor)


@router.post("", status_code=201)
async def create_agent(
    actor: Annotated[Actor, may(Permission.ADD_AGENT)],
    parts: PartsDep,
    session: WriteDep,
    draft: AgentDraft,
) -> AgentView:
    """Make an agent."""
    return await agents.create_agent(
        session,
        actor,
        draft=draft,
        keyring=parts.keyring,
        default_model=await parts.models.default_name(actor, draft.model),
        tools=parts.tools,
    )


@router.get("/{agent_id}")
async def show_agent(actor: Viewer, session: ReadDep, agent_id: UUID) -> AgentView:
    """Return an agent with the state of its newest run."""
    agent = await agents.get_agent(session, actor, agent_id=agent_id)
    return (await runs.with_last_run(session, actor, [agent]))[0]


@router.put("/{agent_id}")
async def update_agent(
    actor: Changer,
    parts: PartsDep,
    session: WriteDep,
    agent_id: UUID,
    draft: Annotated[AgentDraft, AsShown(AgentView)],
) -> AgentView:
    """Change an agent: all its fields are replaced."""
    owner = await agents.get_owner(session, actor, agent_id=agent_id)
    return await agents.update_agent(
        session,
        actor,
        agent_id=agent_id,
        draft=draft,
        keyring=parts.keyring,
        default_model=await parts.models.default_name(owner, draft.model),
        tools=parts.tools,
    )


@router.delete("/{agent_id}", status_code=204)
async def delete_agent(
    actor: Annotated[Actor, may(Permission.DELETE_AGENT)],
    session: WriteDep,
    agent_id: UUID,
) -> None:
    """Delete an agent for good; its runs stay."""
    await agents.delete_agent(session, actor, agent_id=agent_id)


@router.post("/{agent_id}/duplicate", status_code=201)
async def duplicate_agent(
    actor: Annotated[Actor, may(Permission.ADD_AGENT)],
    session: WriteDep,
    agent_id: UUID,
) -> AgentView:
    """Make a copy that is the caller's own, without what they may not see of the other one."""
    return await agents.duplicate_agent(session, actor, agent_id=agent_id)


@router.post("/{agent_id}/archive")
async def archive_agent(actor: Changer, session: WriteDep, agent_id: UUID) -> AgentView:
    """Take an agent out of the lists."""
    return await agents.archive_agent(
        session, actor, agent_id=agent_id, is_archived=True
    )


@router.post("/{agent_id}/restore")
async def restore_agent(actor: Changer, session: WriteDep, agent_id: UUID) -> AgentView:
    """Bring an archived agent back."""
    return await agents.archive_agent(
        session, actor, agent_id=agent_id, is_archived=False
    )
