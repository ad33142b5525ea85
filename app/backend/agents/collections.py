"""Where documents that are given to an agent go."""

from uuid import UUID

from app.backend.agents import repository
from app.backend.agents import service as agents
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.knowledge import service as knowledge
from app.backend.knowledge.schemas import CollectionDraft


async def need_collection(
    session: Session, actor: Actor, *, agent_id: UUID, embedding_model: str
) -> UUID:
    """Return the collection that takes an agent's uploads: its first, or a new one of its name.

    Raises:
        NotFound: the agent is not there, or not the actor's.
    """
    agent = await agents.get_agent(session, actor, agent_id=agent_id)
    if agent.collection_ids:
        return agent.collection_ids[0]
    draft = CollectionDraft(
        name=agent.name, description=f"Documents of the agent {agent.name!r}."
    )
    collection = await knowledge.create_collection(
        session, actor, draft=draft, embedding_model=embedding_model
    )
    await repository.set_collections(session, actor, agent_id, [collection.id])
    return collection.id
