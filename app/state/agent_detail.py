"""An agent as its page shows it."""

from pydantic import BaseModel, ConfigDict, Field

from app.backend.agents.schemas import AgentKind, AgentView
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.knowledge import service as knowledge
from app.state.lines import shared_values


class Place(BaseModel):
    """A collection that the agent searches."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str


class AgentDetail(BaseModel):
    """The agent of the page; empty while it is loaded."""

    model_config = ConfigDict(frozen=True)

    id: str = ""
    name: str = ""
    description: str = ""
    kind: str = ""
    model: str = ""
    is_remote: bool = False
    is_archived: bool = False
    is_small: bool = False
    is_own: bool = True
    is_public: bool = False
    can_run: bool = True
    can_edit: bool = True
    owner_name: str = ""
    prompts: list[str] = Field(default_factory=list[str])
    collections: list[Place] = Field(default_factory=list[Place])
    collections_hidden: int = 0


async def read_places(session: Session, actor: Actor, agent: AgentView) -> list[Place]:
    """Return the collections of an agent that the actor may see."""
    found = [
        await knowledge.get_collection(session, actor, collection_id=collection_id)
        for collection_id in agent.collection_ids
    ]
    return [Place(id=str(place.id), name=place.name) for place in found]


def agent_detail(agent: AgentView, places: list[Place]) -> AgentDetail:
    """Return an agent for its page."""
    return AgentDetail(
        id=str(agent.id),
        name=agent.name,
        description=agent.description,
        kind=agent.kind,
        model=agent.model,
        is_remote=agent.execution == "remote",
        is_archived=agent.archived_at is not None,
        is_small=agent.kind != AgentKind.QUOTES
        and agent.model.startswith("local/smollm"),
        prompts=agent.suggested_prompts,
        collections=places,
        collections_hidden=agent.collections_hidden,
        is_public=agent.is_public,
        **shared_values(agent),
    )
