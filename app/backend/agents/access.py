"""What somebody sees of an agent, and whether they may do more with it."""

from collections.abc import Sequence
from uuid import UUID

from app.backend.agents import repository
from app.backend.agents.schemas import AgentView
from app.backend.agents.tables import AgentRow, AgentShareRow
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import Forbidden, NotFound
from app.backend.identity import sharing
from app.backend.identity.sharing_schemas import Level


async def need_agent(
    session: Session, actor: Actor, agent_id: UUID, level: Level = Level.VIEW
) -> AgentRow:
    """Return the row of an agent with which the actor may do what `level` allows.

    Raises:
        NotFound: it is not there, or neither the actor's nor shared with them.
        Forbidden: they may see it, but not do this.
    """
    row = await repository.find_agent(session, actor, agent_id)
    if row is None:
        raise NotFound("agent", agent_id)
    if level is not Level.VIEW:
        levels = await _levels_of(session, actor, [row])
        sharing.need_level(levels[row.id], level, "agent")
    return row


async def may_change_agent(session: Session, actor: Actor, *, agent_id: UUID) -> bool:
    """Tell whether an agent is there and the actor may change it."""
    try:
        await need_agent(session, actor, agent_id, Level.EDIT)
    except (NotFound, Forbidden):
        return False
    return True


def has_key(row: AgentRow) -> bool:
    """Tell whether an agent has a key for where it runs: one of its own, or a secret by name."""
    return bool(row.remote_key or row.remote_secret)


async def to_view(session: Session, actor: Actor, row: AgentRow) -> AgentView:
    """Return an agent as the actor, who may see it, sees it."""
    return (await to_views(session, actor, [row]))[0]


async def to_views(
    session: Session, actor: Actor, rows: Sequence[AgentRow]
) -> list[AgentView]:
    """Return agents as the actor, who may see them, sees them."""
    found = await repository.collections_of(session, actor, [row.id for row in rows])
    levels = await _levels_of(session, actor, rows)
    others = [row for row in rows if row.owner_id != actor.user_id]
    names = await sharing.names_of(session, others)
    views: list[AgentView] = []
    for row in rows:
        places = found.get(row.id, [])
        seen = [place.collection_id for place in places if place.is_visible]
        views.append(
            AgentView(
                **row.model_dump(include=set(AgentView.model_fields)),
                collection_ids=seen,
                collections_hidden=len(places) - len(seen),
                has_remote_key=has_key(row),
                access=levels[row.id],
                owner_name=names.get(row.owner_id, ""),
            )
        )
    return views


async def _levels_of(
    session: Session, actor: Actor, rows: Sequence[AgentRow]
) -> dict[UUID, Level]:
    levels = await sharing.levels_of(session, actor, AgentShareRow, rows)
    for row in rows:
        if row.is_public and not levels[row.id].covers(Level.RUN):
            levels[row.id] = Level.RUN
    return levels
