"""Finds what the command line calls by name or id."""

from uuid import UUID

from app.backend.agents import service as agents
from app.backend.agents.schemas import AgentView
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import Invalid, NotFound


async def find_agent(session: Session, actor: Actor, name: str) -> AgentView:
    """Return the agent with that id or name.

    Raises:
        NotFound: there is none.
        Invalid: several have that name.
    """
    agent_id = to_uuid(name)
    if agent_id is not None:
        return await agents.get_agent(session, actor, agent_id=agent_id)
    found = await agents.list_named(session, actor, name=name)
    if not found:
        raise NotFound("agent", name)
    if len(found) > 1:
        listed = ", ".join(str(agent.id) for agent in found)
        message = f"{len(found)} agents are called {name!r}. Use an id: {listed}."
        raise Invalid.field("agent", message)
    return found[0]


def need_uuid(text: str, resource: str) -> UUID:
    """Return the id that `text` is.

    Raises:
        NotFound: it is no id, so nothing has it.
    """
    found = to_uuid(text)
    if found is None:
        raise NotFound(resource, text)
    return found


def to_uuid(text: str) -> UUID | None:
    """Return `text` as an id, or None when it is something else."""
    try:
        return UUID(text)
    except ValueError:
        return None
