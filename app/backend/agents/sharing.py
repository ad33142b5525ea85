"""With whom agents are shared: their owner decides."""

from uuid import UUID

from app.backend.agents.access import need_agent, to_view
from app.backend.agents.schemas import AgentView
from app.backend.agents.tables import AgentShareRow
from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session
from app.backend.identity import audit, sharing
from app.backend.identity.actors import require
from app.backend.identity.audit import Action
from app.backend.identity.sharing_schemas import Level, ShareDraft, ShareView

KIND = "agent"
LEVELS = (Level.VIEW, Level.RUN, Level.EDIT)


async def list_shares(
    session: Session, actor: Actor, *, agent_id: UUID
) -> list[ShareView]:
    """Return with whom the actor shares an agent.

    Raises:
        NotFound: it is not there, or neither the actor's nor shared with them.
        Forbidden: it is not the actor's.
    """
    require(actor, Permission.CHANGE_AGENT)
    await need_agent(session, actor, agent_id, Level.OWN)
    return await sharing.list_shares(session, AgentShareRow, agent_id)


async def share_agent(
    session: Session, actor: Actor, *, agent_id: UUID, draft: ShareDraft
) -> ShareView:
    """Let a person or a group see an agent, run it, or change it.

    Raises:
        NotFound: the agent or the group is not there.
        Forbidden: it is not the actor's.
        Invalid: nobody has that address.
    """
    require(actor, Permission.CHANGE_AGENT)
    await need_agent(session, actor, agent_id, Level.OWN)
    return await sharing.share(
        session,
        actor,
        AgentShareRow,
        kind=KIND,
        object_id=agent_id,
        draft=draft,
        levels=LEVELS,
    )


async def unshare_agent(
    session: Session, actor: Actor, *, agent_id: UUID, share_id: UUID
) -> None:
    """Take a share back; runs that were started go on, and stay with who started them.

    Raises:
        NotFound: the agent or the share is not there.
        Forbidden: it is not the actor's.
    """
    require(actor, Permission.CHANGE_AGENT)
    await need_agent(session, actor, agent_id, Level.OWN)
    await sharing.unshare(
        session,
        actor,
        AgentShareRow,
        kind=KIND,
        object_id=agent_id,
        share_id=share_id,
    )


async def publish_agent(
    session: Session, actor: Actor, *, agent_id: UUID, is_public: bool
) -> AgentView:
    """Let everybody who is signed in run an agent, or nobody but those with whom it is shared.

    Raises:
        NotFound: it is not there, or neither the actor's nor shared with them.
        Forbidden: it is not the actor's.
    """
    require(actor, Permission.CHANGE_AGENT)
    row = await need_agent(session, actor, agent_id, Level.OWN)
    if row.is_public != is_public:
        row.is_public = is_public
        session.add(row)
        await session.flush()
        action = Action.MADE_PUBLIC if is_public else Action.MADE_PRIVATE
        audit.record(session, actor, action, object_kind=KIND, object_id=row.id)
    return await to_view(session, actor, row)
