"""Each service that needs a level of a share, asked by somebody who has the one below: it refuses, and says why.

What comes before it, such as a route that looks at the agent first, does not stand in front of it here.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from app.backend.agents import access, collections
from app.backend.agents import service as agents
from app.backend.agents import sharing as shared_agents
from app.backend.agents.schemas import AgentDraft
from app.backend.agents.sharing import AGENTS
from app.backend.bootstrap import Services
from app.backend.core import acting, ids
from app.backend.core.actor import Actor
from app.backend.core.errors import Forbidden
from app.backend.files.schemas import Upload
from app.backend.files.tables import FileRow
from app.backend.identity import sharing
from app.backend.identity.sharing_schemas import Level, ShareDraft
from app.backend.knowledge import service as knowledge
from app.backend.knowledge.schemas import CollectionDraft
from app.backend.knowledge.sharing import COLLECTIONS
from app.backend.knowledge.tables import DocumentRow
from app.backend.runs import steps
from app.backend.runs.steps import RunFork
from tests.factories.rows import MakeUser, RowFactory
from tests.isolation import Kind, make_world

BELOW = {Level.RUN: Level.VIEW, Level.EDIT: Level.RUN, Level.OWN: Level.EDIT}
REFUSAL = re.compile(r"You may see this|Only the owner of this")
NOT_ASKED = object()


@dataclass(frozen=True)
class Deed:
    """A function, the level that it needs, and what it is told."""

    done: Callable[..., Awaitable[Any]]
    needs: Level
    told: Mapping[str, Any]


def deed(done: Callable[..., Awaitable[Any]], needs: Level, **told: Any) -> Deed:
    return Deed(done, needs, told)


AGENT: dict[str, Any] = {"agent_id": Kind.AGENT}
COLLECTION: dict[str, Any] = {"collection_id": Kind.COLLECTION}
DOCUMENT: dict[str, Any] = {"document_id": Kind.DOCUMENT}
TO_WHOM = ShareDraft(email="somebody@example.org", level=Level.VIEW)
UPLOAD = Upload(name="a.md", media_type="text/markdown", size=1, sha256="x")
DRAFT = {
    "draft": AgentDraft(name="New", model="scripted/hello"),
    "keyring": NOT_ASKED,
    "default_model": "scripted/hello",
    "tools": (),
}
NEW = RunFork(step=0, instructions="Other ones.")
DEEDS = [
    deed(agents.update_agent, Level.EDIT, **AGENT, **DRAFT),
    deed(agents.archive_agent, Level.EDIT, **AGENT, is_archived=True),
    deed(agents.get_owner, Level.EDIT, **AGENT),
    deed(agents.get_agent_to_run, Level.RUN, **AGENT),
    deed(agents.delete_agent, Level.OWN, **AGENT),
    deed(agents.get_spec, Level.OWN, **AGENT, keyring=NOT_ASKED),
    deed(collections.need_collection, Level.OWN, agent_id="bare", embedding_model="x"),
    deed(shared_agents.publish_agent, Level.OWN, **AGENT, is_public=True),
    deed(
        knowledge.update_collection,
        Level.EDIT,
        **COLLECTION,
        draft=CollectionDraft(name="New"),
        outbox=NOT_ASKED,
    ),
    deed(knowledge.admit, Level.EDIT, **COLLECTION, upload=UPLOAD),
    deed(
        knowledge.add_document,
        Level.EDIT,
        **COLLECTION,
        document_id=ids.new_id(),
        upload=UPLOAD,
        outbox=NOT_ASKED,
    ),
    deed(knowledge.retry_document, Level.EDIT, **DOCUMENT, outbox=NOT_ASKED),
    deed(knowledge.delete_document, Level.EDIT, **DOCUMENT, outbox=NOT_ASKED),
    deed(knowledge.delete_collection, Level.OWN, **COLLECTION, outbox=NOT_ASKED),
    deed(
        knowledge.update_collection,
        Level.OWN,
        **COLLECTION,
        draft=CollectionDraft(name="New", embedding_model="another"),
        outbox=NOT_ASKED,
    ),
    *(
        deed(done, Level.OWN, what=what, object_id=kind, **told)
        for what, kind in ((AGENTS, Kind.AGENT), (COLLECTIONS, Kind.COLLECTION))
        for done, told in (
            (sharing.list_shares, {}),
            (sharing.share, {"draft": TO_WHOM}),
            (sharing.unshare, {"share_id": Kind.SHARE}),
        )
    ),
    deed(steps.fork_run, Level.EDIT, run_id="run", fork=NEW, parts=NOT_ASKED),
]


@pytest.mark.parametrize("level", BELOW.values())
async def test_level_below_is_not_enough(
    services: Services, rows: RowFactory, make_user: MakeUser, level: Level
) -> None:
    owner, friend = await make_user(), await make_user()
    things = await _share(services, rows, owner, friend, level)

    for one in DEEDS:
        if BELOW[one.needs] is level:
            told = {name: _fill(things, value) for name, value in one.told.items()}
            with acting.as_user(friend.user_id):
                async with services.db.read() as session:
                    refusal = await _refusal(one.done(session, friend, **told))
            assert REFUSAL.match(refusal), (one.done.__module__, one.done.__name__)


async def test_who_may_only_run_it_may_not_change_it(
    services: Services, rows: RowFactory, make_user: MakeUser
) -> None:
    owner, friend = await make_user(), await make_user()
    things = await _share(services, rows, owner, friend, Level.RUN)

    async with services.db.read() as session:
        told = {"agent_id": things[Kind.AGENT]}
        assert await access.may_change_agent(session, owner, **told)
        assert not await access.may_change_agent(session, friend, **told)


async def test_what_an_editor_adds_is_the_owners(
    services: Services, rows: RowFactory, make_user: MakeUser
) -> None:
    owner, friend = await make_user(), await make_user()
    things = await _share(services, rows, owner, friend, Level.EDIT)
    document_id = ids.new_id()

    with acting.as_user(friend.user_id):
        async with services.db.transaction() as session:
            await knowledge.add_document(
                session,
                friend,
                collection_id=things[Kind.COLLECTION],
                document_id=document_id,
                upload=UPLOAD,
                outbox=services.outbox,
            )

    async with services.db.read() as session:
        row = await session.get_one(DocumentRow, document_id)
        file = await session.get_one(FileRow, row.file_id)
    assert {row.owner_id, file.owner_id} == {owner.user_id}


async def _refusal(done: Awaitable[Any]) -> str:
    try:
        await done
    except Forbidden as error:
        return error.message
    return ""


async def _share(
    services: Services, rows: RowFactory, owner: Actor, friend: Actor, level: Level
) -> Mapping[str, UUID]:
    world = await make_world(services, owner)
    agent, bare = await rows.agent(owner), await rows.agent(owner)
    collection = await rows.collection(owner)
    for shared in (agent, bare, collection):
        await rows.share(shared, friend, level)
    run = await rows.run(friend, agent=agent, agent_owner_id=owner.user_id)
    document = await _move(services, world[Kind.DOCUMENT][1], collection.id)
    return {
        Kind.AGENT: agent.id,
        Kind.COLLECTION: collection.id,
        Kind.DOCUMENT: document,
        Kind.SHARE: world[Kind.SHARE][0],
        "bare": bare.id,
        "run": run.id,
    }


async def _move(services: Services, document_id: UUID, collection_id: UUID) -> UUID:
    async with services.db.transaction() as session:
        row = await session.get_one(DocumentRow, document_id)
        row.collection_id = collection_id
    return document_id


def _fill(things: Mapping[str, UUID], value: Any) -> Any:
    is_name = isinstance(value, str) and value in things
    return things[value] if is_name else value
