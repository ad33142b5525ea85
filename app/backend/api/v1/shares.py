"""Routes of shares: with whom an agent or a collection is shared, for its owner."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from app.backend.agents import sharing as agent_sharing
from app.backend.agents.schemas import AgentView
from app.backend.api.deps import ReadDep, WriteDep, may
from app.backend.core.actor import Actor, Permission
from app.backend.identity.sharing_schemas import PublicDraft, ShareDraft, ShareView
from app.backend.knowledge import sharing as collection_sharing

router = APIRouter(prefix="/api/v1", tags=["shares"])

AgentChanger = Annotated[Actor, may(Permission.CHANGE_AGENT)]
CollectionChanger = Annotated[Actor, may(Permission.CHANGE_KNOWLEDGE)]


class ShareList(BaseModel):
    """All shares of one object, in the order in which they were made."""

    model_config = ConfigDict(frozen=True)

    items: list[ShareView]


@router.get("/agents/{agent_id}/shares")
async def list_agent_shares(
    actor: AgentChanger, session: ReadDep, agent_id: UUID
) -> ShareList:
    """List with whom an agent is shared."""
    items = await agent_sharing.list_shares(session, actor, agent_id=agent_id)
    return ShareList(items=items)


@router.post("/agents/{agent_id}/shares", status_code=201)
async def share_agent(
    actor: AgentChanger, session: WriteDep, agent_id: UUID, draft: ShareDraft
) -> ShareView:
    """Let a person or a group `view` an agent, `run` it, or `edit` it; sharing again changes the level."""
    return await agent_sharing.share_agent(
        session, actor, agent_id=agent_id, draft=draft
    )


@router.delete("/agents/{agent_id}/shares/{share_id}", status_code=204)
async def unshare_agent(
    actor: AgentChanger, session: WriteDep, agent_id: UUID, share_id: UUID
) -> None:
    """Take a share of an agent back; runs that were started go on."""
    await agent_sharing.unshare_agent(
        session, actor, agent_id=agent_id, share_id=share_id
    )


@router.put("/agents/{agent_id}/public")
async def publish_agent(
    actor: AgentChanger, session: WriteDep, agent_id: UUID, draft: PublicDraft
) -> AgentView:
    """Let everybody who is signed in run an agent, or not any more."""
    return await agent_sharing.publish_agent(
        session, actor, agent_id=agent_id, is_public=draft.is_public
    )


@router.get("/collections/{collection_id}/shares")
async def list_collection_shares(
    actor: CollectionChanger, session: ReadDep, collection_id: UUID
) -> ShareList:
    """List with whom a collection is shared."""
    items = await collection_sharing.list_shares(
        session, actor, collection_id=collection_id
    )
    return ShareList(items=items)


@router.post("/collections/{collection_id}/shares", status_code=201)
async def share_collection(
    actor: CollectionChanger,
    session: WriteDep,
    collection_id: UUID,
    draft: ShareDraft,
) -> ShareView:
    """Let a person or a group `view` a collection, or `edit` it; sharing again changes the level."""
    return await collection_sharing.share_collection(
        session, actor, collection_id=collection_id, draft=draft
    )


@router.delete("/collections/{collection_id}/shares/{share_id}", status_code=204)
async def unshare_collection(
    actor: CollectionChanger,
    session: WriteDep,
    collection_id: UUID,
    share_id: UUID,
) -> None:
    """Take a share of a collection back."""
    await collection_sharing.unshare_collection(
        session, actor, collection_id=collection_id, share_id=share_id
    )
