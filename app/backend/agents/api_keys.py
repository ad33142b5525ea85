"""API keys that may run some agents only."""

from app.backend.agents.service import get_agent_to_run
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.identity import keys
from app.backend.identity.schemas import ApiKeyDraft, NewApiKey


async def create_key(
    session: Session, actor: Actor, *, draft: ApiKeyDraft
) -> NewApiKey:
    """Make an API key for the actor; it is shown this once.

    Raises:
        Invalid: it would have expired, or may do what the actor's keys may not.
        NotFound: one of its agents is not there, or neither the actor's nor shared with them.
        Forbidden: the actor may not run one of them.
    """
    for agent_id in draft.agent_ids or ():
        await get_agent_to_run(session, actor, agent_id=agent_id)
    return await keys.create_key(
        session,
        actor,
        name=draft.name,
        expires_at=draft.expires_at,
        scopes=draft.scopes,
        agent_ids=draft.agent_ids,
    )
