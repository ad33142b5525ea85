"""Queries of agents."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlmodel import col, delete, func, insert, or_

from app.backend.agents.tables import AgentCollectionRow, AgentRow
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.rows import visible_to
from app.backend.knowledge.tables import CollectionRow


async def find_agent(session: Session, actor: Actor, agent_id: UUID) -> AgentRow | None:
    """Return the agent, if it is the actor's."""
    query = visible_to(actor, AgentRow).where(col(AgentRow.id) == agent_id)
    return (await session.exec(query)).first()


async def list_agents(
    session: Session,
    actor: Actor,
    *,
    is_archived: bool,
    text: str,
    after: UUID | None,
    limit: int,
) -> Sequence[AgentRow]:
    """Return a page of agents, newest first."""
    archived = col(AgentRow.archived_at)
    query = visible_to(actor, AgentRow).where(
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
    """Return the agents in use that have this name, whatever its capitals, newest first."""
    query = (
        visible_to(actor, AgentRow)
        .where(col(AgentRow.archived_at).is_(None))
        .order_by(col(AgentRow.id).desc())
    )
    # Compared here: SQLite, and PostgreSQL with the locale C, know only the capitals of ASCII.
    wanted = name.casefold()
    return [row for row in await session.exec(query) if row.name.casefold() == wanted]


async def collections_of(
    session: Session, actor: Actor, agent_ids: Iterable[UUID]
) -> dict[UUID, list[UUID]]:
    """Return the collections that each agent searches."""
    query = (
        visible_to(actor, AgentCollectionRow)
        .where(col(AgentCollectionRow.agent_id).in_(list(agent_ids)))
        .order_by(col(AgentCollectionRow.id))
    )
    found = defaultdict[UUID, list[UUID]](list)
    for link in await session.exec(query):
        found[link.agent_id].append(link.collection_id)
    return dict(found)


async def existing_collections(
    session: Session, actor: Actor, collection_ids: Sequence[UUID]
) -> set[UUID]:
    """Return those of the collections that are the actor's."""
    query = visible_to(actor, CollectionRow).where(
        col(CollectionRow.id).in_(collection_ids)
    )
    return {row.id for row in await session.exec(query)}


async def set_collections(
    session: Session, actor: Actor, agent_id: UUID, collection_ids: Sequence[UUID]
) -> None:
    """Let the agent search exactly these collections."""
    links = visible_to(actor, AgentCollectionRow).where(
        col(AgentCollectionRow.agent_id) == agent_id
    )
    await session.exec(
        delete(AgentCollectionRow).where(
            col(AgentCollectionRow.id).in_(
                links.with_only_columns(col(AgentCollectionRow.id))
            )
        )
    )
    if collection_ids:
        rows = [
            {
                "id": ids.new_id(),
                "created_at": clock.now(),
                "owner_id": actor.user_id,
                "agent_id": agent_id,
                "collection_id": collection_id,
            }
            for collection_id in collection_ids
        ]
        await session.exec(insert(AgentCollectionRow), params=rows)
