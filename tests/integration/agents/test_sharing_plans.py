"""What is shared is found in lists and by id without reading through all that there is."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import insert, text

from app.backend.agents import service as agents
from app.backend.agents.tables import AgentRow, AgentShareRow
from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.db import Database, Session
from app.backend.files.tables import FileRow
from app.backend.identity.sharing_schemas import Shown
from app.backend.identity.tables import GroupMemberRow, GroupRow
from app.backend.knowledge import service as knowledge
from app.backend.knowledge.tables import CollectionRow, CollectionShareRow, DocumentRow
from tests.factories.rows import RowFactory
from tests.plans import scans_of

BIG = "agent|collection|agent_share|collection_share|document|chunk"
MANY = 20_000
Ask = Callable[[Session, Actor, Sequence[UUID], Sequence[UUID]], Awaitable[Any]]
# Each thing is shared with a few people; every fifteenth with the one who asks, half of these through a group.
EACH = 30

ASKED: dict[str, Ask] = {
    "own agents": lambda session, actor, *_: agents.list_agents(session, actor),
    "shared agents": lambda session, actor, *_: agents.list_agents(
        session, actor, shown=Shown.SHARED
    ),
    "public agents": lambda session, actor, *_: agents.list_agents(
        session, actor, shown=Shown.PUBLIC
    ),
    "public agents, half-way": lambda session, actor, found, _: agents.list_agents(
        session, actor, shown=Shown.PUBLIC, cursor=str(found[MANY // 2])
    ),
    "one agent": lambda session, actor, found, _: agents.get_agent(
        session, actor, agent_id=found[0]
    ),
    "agent by name": lambda session, actor, *_: agents.list_named(
        session, actor, name="x"
    ),
    "own collections": lambda session, actor, *_: knowledge.list_collections(
        session, actor
    ),
    "shared collections": lambda session, actor, *_: knowledge.list_collections(
        session, actor, shown=Shown.SHARED
    ),
    "one collection": lambda session, actor, _, found: knowledge.get_collection(
        session, actor, collection_id=found[0]
    ),
    "documents": lambda session, actor, _, found: knowledge.list_documents(
        session, actor, collection_id=found[0]
    ),
}


async def _copies(
    services: Services, table: type[Any], row: Any, **overrides: Any
) -> list[UUID]:
    made = [ids.new_id() for _ in range(MANY)]
    same = {**row.model_dump(include={*table.model_fields}), **overrides}
    has_public = "is_public" in table.model_fields
    params = [
        {**same, "id": one} | ({"is_public": number % 2 == 0} if has_public else {})
        for number, one in enumerate(made)
    ]
    async with services.db.transaction() as session:
        await session.exec(insert(table), params=params)
    return made


async def _share(
    services: Services,
    table: type[Any],
    object_ids: Sequence[UUID],
    owner: Actor,
    audiences: Sequence[dict[str, UUID | None]],
) -> None:
    params = [
        {
            "id": ids.new_id(),
            "created_at": clock.now(),
            "owner_id": owner.user_id,
            "object_id": object_id,
            "level": "run",
            **audiences[number % EACH % len(audiences)],
        }
        for number, object_id in enumerate(object_ids)
    ]
    async with services.db.transaction() as session:
        await session.exec(insert(table), params=params)


async def _add_documents(
    services: Services, rows: RowFactory, owner: Actor, collection_ids: Sequence[UUID]
) -> None:
    upload: dict[str, Any] = {"name": "a.md", "media_type": "text/markdown", "size": 1}
    mine: dict[str, Any] = {"owner_id": owner.user_id, "sha256": "x", **upload}
    file = await rows.add(FileRow(object_key="x", **mine))
    same = DocumentRow(
        collection_id=collection_ids[0], file_id=file.id, status="ready", **mine
    ).model_dump()
    params = [
        {**same, "id": ids.new_id(), "collection_id": collection_id}
        for collection_id in collection_ids
    ]
    async with services.db.transaction() as session:
        await session.exec(insert(DocumentRow), params=params)


@pytest.fixture
async def filled(
    services: Services,
    owner_db: Database,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
) -> tuple[list[UUID], list[UUID]]:
    """Many agents and collections of somebody else, some of them shared with the actor."""
    agent, collection = (
        await rows.agent(other_actor),
        await rows.collection(other_actor),
    )
    agent_ids = await _copies(services, AgentRow, agent)
    collection_ids = await _copies(services, CollectionRow, collection)
    await _add_documents(services, rows, other_actor, collection_ids)
    mine, foreign = [await rows.add(GroupRow(name=name)) for name in ("mine", "not")]
    await rows.add(GroupMemberRow(group_id=mine.id, user_id=actor.user_id))
    strangers = [await rows.user() for _ in range(EACH - 3)]
    audiences: list[dict[str, UUID | None]] = [
        {"user_id": actor.user_id, "group_id": None},
        {"user_id": None, "group_id": mine.id},
        {"user_id": None, "group_id": foreign.id},
        *({"user_id": one.user_id, "group_id": None} for one in strangers),
    ]
    await _share(services, AgentShareRow, agent_ids, other_actor, audiences)
    await _share(services, CollectionShareRow, collection_ids, other_actor, audiences)
    async with owner_db.engine.connect() as connection:
        await connection.execute(text("ANALYZE"))
        await connection.commit()
    return agent_ids, collection_ids


async def test_no_question_about_what_is_shared_reads_a_whole_table(
    services: Services, actor: Actor, filled: tuple[list[UUID], list[UUID]]
) -> None:
    scanning = {
        name: found
        for name, ask in ASKED.items()
        if (
            found := await scans_of(
                services, BIG, lambda session, ask=ask: ask(session, actor, *filled)
            )
        )
    }

    told = [f"{name}: {plan}" for name, plans in scanning.items() for plan in plans]
    assert not told, "\n\n".join(told)
