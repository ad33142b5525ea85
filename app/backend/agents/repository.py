"""Queries of agents."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple, assert_never
from uuid import UUID

from sqlmodel import col, delete, func, insert, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from app.backend.agents.tables import AgentCollectionRow, AgentRow, AgentShareRow
from app.backend.core import acting, clock, ids
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.rows import is_visible, owned_by, visible_to
from app.backend.identity.sharing_repository import shared_ids
from app.backend.identity.sharing_schemas import Shown
from app.backend.knowledge.tables import CollectionRow


class Searched(NamedTuple):
    """A collection that an agent searches, and whether the asker may see it."""

    collection_id: UUID
    is_visible: bool


async def find_agent(session: Session, actor: Actor, agent_id: UUID) -> AgentRow | None:
    """Return the agent, if the actor may see it."""
    query = visible_to(actor, AgentRow).where(col(AgentRow.id) == agent_id)
    return (await session.exec(query)).first()


async def list_agents(
    session: Session,
    actor: Actor,
    *,
    shown: Shown,
    is_archived: bool,
    text: str,
    after: UUID | None,
    limit: int,
) -> Sequence[AgentRow]:
    """Return a page of agents, newest first."""
    archived = col(AgentRow.archived_at)
    query = _shown_to(actor, shown).where(
        archived.is_not(None) if is_archived else archived.is_(None)
    )
    if text:
        lowered = text.lower()
        query = query.where(
            or_(
                func.lower(AgentRow.name).contains(lowered, autoescape=True),
                func.lower(AgentRow.description).contains(lowered, autoescape=True),
            )
        )
    if after is not None:
        query = query.where(col(AgentRow.id) < after)
    query = query.order_by(col(AgentRow.id).desc()).limit(limit)
    return (await session.exec(query)).all()


async def list_named(session: Session, actor: Actor, name: str) -> Sequence[AgentRow]:
    """Return the actor's agents in use that have this name, whatever its capitals, newest first.

    Without one, those that are shared with the actor; those for everybody are too many to be called by name.
    """
    # Compared here: SQLite, and PostgreSQL with the locale C, know only the capitals of ASCII.
    wanted = name.casefold()
    for shown in (Shown.MINE, Shown.SHARED):
        query = (
            _shown_to(actor, shown)
            .where(col(AgentRow.archived_at).is_(None))
            .order_by(col(AgentRow.id).desc())
        )
        found = await session.exec(query)
        named = [row for row in found if row.name.casefold() == wanted]
        if named:
            return named
    return []


async def collections_of(
    session: Session, actor: Actor, agent_ids: Iterable[UUID]
) -> dict[UUID, list[Searched]]:
    """Return the collections that each of the agents, which the actor may see, searches."""
    query = (
        select(
            AgentCollectionRow.agent_id,
            AgentCollectionRow.collection_id,
            is_visible(actor, CollectionRow),
        )
        .join(
            CollectionRow,
            col(CollectionRow.id) == col(AgentCollectionRow.collection_id),
        )
        .where(col(AgentCollectionRow.agent_id).in_(list(agent_ids)))
        .order_by(col(AgentCollectionRow.id))
    )
    found = defaultdict[UUID, list[Searched]](list)
    # That there are some which they may not see is said as well.
    with acting.as_system():
        rows = (await session.exec(query)).all()
    for agent_id, collection_id, may_see in rows:
        found[agent_id].append(Searched(collection_id, bool(may_see)))
    return dict(found)


async def existing_collections(
    session: Session, actor: Actor, collection_ids: Sequence[UUID]
) -> set[UUID]:
    """Return those of the collections that the actor may see."""
    query = visible_to(actor, CollectionRow).where(
        col(CollectionRow.id).in_(collection_ids)
    )
    return {row.id for row in await session.exec(query)}


async def set_collections(
    session: Session, agent: AgentRow, collection_ids: Sequence[UUID]
) -> None:
    """Let the agent search exactly these collections."""
    link = AgentCollectionRow
    # lint-skip: repo-scope - of an agent that the actor may change
    await session.exec(delete(link).where(col(link.agent_id) == agent.id))
    if collection_ids:
        rows = [
            {
                "id": ids.new_id(),
                "created_at": clock.now(),
                "owner_id": agent.owner_id,
                "agent_id": agent.id,
                "collection_id": collection_id,
            }
            for collection_id in collection_ids
        ]
        await session.exec(insert(AgentCollectionRow), params=rows)


def _shown_to(actor: Actor, shown: Shown) -> SelectOfScalar[AgentRow]:
    match shown:
        case Shown.MINE:
            return owned_by(actor, AgentRow)
        case Shown.SHARED:
            return visible_to(actor, AgentRow).where(
                col(AgentRow.id).in_(shared_ids(actor, AgentShareRow))
            )
        case Shown.PUBLIC:
            return visible_to(actor, AgentRow).where(col(AgentRow.is_public).is_(True))
        case _:
            assert_never(shown)
