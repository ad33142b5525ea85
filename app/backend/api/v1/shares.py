"""Routes of shares: with whom an agent, a collection or a provider is shared, for its owner."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict

from app.backend.agents import sharing as agent_sharing
from app.backend.agents.schemas import AgentView
from app.backend.agents.sharing import AGENTS
from app.backend.api.deps import ActorDep, ReadDep, WriteDep, may
from app.backend.core.actor import Actor, Permission
from app.backend.identity import sharing
from app.backend.identity.sharing import Shareable
from app.backend.identity.sharing_schemas import PublicDraft, ShareDraft, ShareView
from app.backend.knowledge.sharing import COLLECTIONS
from app.backend.providers.sharing import PROVIDERS

router = APIRouter(prefix="/api/v1", tags=["shares"])


class ShareList(BaseModel):
    """All shares of one object, in the order in which they were made."""

    model_config = ConfigDict(frozen=True)

    items: list[ShareView]


def _routes_of(what: Shareable, guard: Any) -> APIRouter:
    prefix = f"/{what.kind}s/{{{what.kind}_id}}/shares"
    routes = APIRouter(prefix=prefix, dependencies=[guard])
    in_path, one = Path(alias=f"{what.kind}_id"), _one(what)

    @routes.get("", summary=f"List with whom {one} is shared")
    async def list_shares(
        actor: ActorDep, session: ReadDep, object_id: Annotated[UUID, in_path]
    ) -> ShareList:
        found = await sharing.list_shares(session, actor, what, object_id=object_id)
        return ShareList(items=found)

    @routes.post(
        "",
        status_code=201,
        summary=f"Share {one} with a person or a group, up to the level {_levels(what)}",
    )
    async def share(
        actor: ActorDep,
        session: WriteDep,
        object_id: Annotated[UUID, in_path],
        draft: ShareDraft,
    ) -> ShareView:
        return await sharing.share(
            session, actor, what, object_id=object_id, draft=draft
        )

    @routes.delete("/{share_id}", status_code=204, summary=f"Share {one} no more")
    async def unshare(
        actor: ActorDep,
        session: WriteDep,
        object_id: Annotated[UUID, in_path],
        share_id: UUID,
    ) -> None:
        await sharing.unshare(
            session, actor, what, object_id=object_id, share_id=share_id
        )

    return routes


def _one(what: Shareable) -> str:
    return f"an {what.kind}" if what.kind[0] in "aeiou" else f"a {what.kind}"


def _levels(what: Shareable) -> str:
    return " or ".join(f"`{level}`" for level in what.levels)


router.include_router(_routes_of(AGENTS, may(Permission.CHANGE_AGENT)))
router.include_router(_routes_of(COLLECTIONS, may(Permission.CHANGE_KNOWLEDGE)))
router.include_router(_routes_of(PROVIDERS, may(Permission.CHANGE_PROVIDER)))


@router.put("/agents/{agent_id}/public")
async def publish_agent(
    actor: Annotated[Actor, may(Permission.CHANGE_AGENT)],
    session: WriteDep,
    agent_id: UUID,
    draft: PublicDraft,
) -> AgentView:
    """Let everybody who is signed in run an agent, or not any more."""
    return await agent_sharing.publish_agent(
        session, actor, agent_id=agent_id, is_public=draft.is_public
    )
