"""Who owns the agent of a run, when it is not who runs it: its documents and keys are used in their name."""

from uuid import UUID

from app.backend.agents.schemas import RunnableAgent
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.identity import service as identity
from app.backend.runs.errors import AgentOwnerAway


def other_owner(agent: RunnableAgent, user_id: UUID) -> UUID | None:
    """Return who owns an agent that `user_id` runs, unless it is their own."""
    return agent.owner_id if agent.owner_id != user_id else None


async def find_agent_owner(
    session: Session, owner_id: UUID | None, agent_name: str
) -> Actor | None:
    """Return the owner with that id; None when the run has no other one.

    Raises:
        AgentOwnerAway: they are suspended.
    """
    if owner_id is None:
        return None
    owner = await identity.find_actor(session, owner_id)
    if owner is None:
        raise AgentOwnerAway(agent_name)
    return owner
