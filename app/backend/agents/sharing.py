"""What can be shared, and with everybody: their owner decides."""

from uuid import UUID

from app.backend.agents.access import need_agent, to_view
from app.backend.agents.schemas import AgentView
from app.backend.agents.tables import AgentRow, AgentShareRow
from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session
from app.backend.identity import audit
from app.backend.identity.actors import require
from app.backend.identity.audit import Action
from app.backend.identity.sharing import Shareable
from app.backend.identity.sharing_schemas import Level
from app.backend.knowledge.sharing import COLLECTIONS
from app.backend.providers.sharing import PROVIDERS


async def publish_agent(
    session: Session, actor: Actor, *, agent_id: UUID, is_public: bool
) -> AgentView:
    """Let everybody who is signed in run an agent, or nobody but those with whom it is shared.

    Raises:
        NotFound: it is not there, or neither the actor's nor shared with them.
        Forbidden: it is not the actor's.
    """
    require(actor, Permission.CHANGE_AGENT)
    row = await _need_own(session, actor, agent_id)
    if row.is_public != is_public:
        row.is_public = is_public
        session.add(row)
        await session.flush()
        action = Action.MADE_PUBLIC if is_public else Action.MADE_PRIVATE
        audit.record(session, actor, action, object_kind=AGENTS.kind, object_id=row.id)
    return await to_view(session, actor, row)


async def _need_own(session: Session, actor: Actor, agent_id: UUID) -> AgentRow:
    return await need_agent(session, actor, agent_id, Level.OWN)


AGENTS = Shareable(
    kind="agent",
    table=AgentShareRow,
    levels=(Level.VIEW, Level.RUN, Level.EDIT),
    permission=Permission.CHANGE_AGENT,
    need_own=_need_own,
)
SHAREABLE = {one.kind: one for one in (AGENTS, COLLECTIONS, PROVIDERS)}
