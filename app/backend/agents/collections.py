"""Where documents that are given to an agent go."""

from uuid import UUID

from app.backend.agents import repository
from app.backend.agents import service as agents
from app.backend.agents.access import need_agent
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.identity.sharing_schemas import Level
from app.backend.knowledge import service as knowledge
from app.backend.knowledge.schemas import CollectionDraft


async def need_collection(
    session: Session, actor: Actor, *, agent_id: UUID, embedding_model: str
) -> UUID:
    """Return the collection that takes an agent's uploads: its first, or a new one of its name.

    Raises:
        NotFound: the agent is not there, or neither the actor's nor shared with them.
        Forbidden: it has no collection that they may see, and only its owner makes one for it.
    """
    agent = await agents.get_agent(session, actor, agent_id=agent_id)
    if agent.collection_ids:
        return agent.collection_ids[0]
    row = await need_agent(session, actor, agent_id, Level.OWN)
    draft = CollectionDraft(
        name=agent.name, description=f"Documents of the agent {agent.name!r}."
    )
    collection = await knowledge.create_collection(
        session, actor, draft=draft, embedding_model=embedding_model
    )
    await repository.set_collections(session, row, [collection.id])
    return collection.id
