"""Agents of others: what a share lets somebody do, and what stays its owner's."""

from uuid import UUID

import pytest

from app.backend.agents import service
from app.backend.agents.schemas import AgentDraft, AgentView, Execution
from app.backend.agents.tables import AgentRow
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.errors import Forbidden, Invalid, NotFound
from app.backend.identity import people
from app.backend.identity.sharing_schemas import Level, Shown
from app.backend.knowledge.tables import CollectionRow
from tests.factories.rows import MakeAgent, MakeCollection, MakeUser, RowFactory

DRAFT = AgentDraft(name="Changed", model="scripted/hello")
FAR = AgentDraft(
    name="Far",
    execution=Execution.REMOTE,
    remote_url="https://far.example",
    remote_agent_id=str(UUID(int=1)),
    remote_key="very secret",
)


async def _get(services: Services, actor: Actor, agent: AgentRow) -> AgentView:
    async with services.db.read() as session:
        return await service.get_agent(session, actor, agent_id=agent.id)


async def _update(
    services: Services, actor: Actor, agent: AgentRow, draft: AgentDraft = DRAFT
) -> AgentView:
    async with services.db.transaction() as session:
        return await service.update_agent(
            session,
            actor,
            agent_id=agent.id,
            draft=draft,
            keyring=services.keyring,
            default_model="scripted/hello",
            tools=services.tools,
        )


async def _spec_collections(
    services: Services, owner: Actor, agent: AgentRow
) -> tuple[set[UUID], int]:
    async with services.db.read() as session:
        spec = await service.get_spec(
            session, owner, agent_id=agent.id, keyring=services.keyring
        )
    return set(spec.collection_ids), spec.collections_lost


def _searching(*collections: CollectionRow) -> AgentDraft:
    found = [collection.id for collection in collections]
    return DRAFT.model_copy(update={"collection_ids": found})


async def test_shared_agent_shows_its_settings_and_none_of_its_owners_collections(
    services: Services,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    make_collection: MakeCollection,
) -> None:
    mine, shared = await make_collection(actor), await make_collection(actor)
    agent = await make_agent(actor, collection_ids=[mine.id, shared.id])
    await rows.share(agent, other_actor, "run")
    await rows.share(shared, other_actor, "view")

    seen = await _get(services, other_actor, agent)

    assert (seen.access, seen.owner_name) == (Level.RUN, actor.email)
    assert (seen.collection_ids, seen.collections_hidden) == ([shared.id], 1)
    assert (await _get(services, actor, agent)).collections_hidden == 0


async def test_the_highest_of_several_shares_counts(
    services: Services,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
) -> None:
    agent = await make_agent(actor, is_public=True)
    await rows.share(agent, other_actor, "view")
    assert (await _get(services, other_actor, agent)).access is Level.RUN

    changeable = await make_agent(actor, is_public=True)
    await rows.share(changeable, other_actor, "edit")

    assert (await _get(services, other_actor, changeable)).access is Level.EDIT


async def test_each_list_has_its_own_agents(
    services: Services,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
) -> None:
    own = await make_agent(actor)
    shared = await make_agent(other_actor)
    await rows.share(shared, actor, "view")
    # What one shares oneself is not shared with one.
    await rows.share(own, other_actor, "view")
    public = await make_agent(other_actor, is_public=True)
    await make_agent(other_actor)

    async with services.db.read() as session:
        found = {
            shown: [
                agent.id
                for agent in (
                    await service.list_agents(session, actor, shown=shown)
                ).items
            ]
            for shown in Shown
        }

    assert found == {
        Shown.MINE: [own.id],
        Shown.SHARED: [shared.id],
        Shown.PUBLIC: [public.id],
    }


async def test_editor_changes_an_agent_and_keeps_what_they_cannot_see(
    services: Services,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    make_collection: MakeCollection,
) -> None:
    hidden, shared = await make_collection(actor), await make_collection(actor)
    agent = await make_agent(actor, collection_ids=[hidden.id])
    await rows.share(agent, other_actor, "edit")
    await rows.share(shared, other_actor, "view")

    changed = await _update(services, other_actor, agent, _searching(shared))

    assert changed.name == "Changed"
    assert changed.owner_id == actor.user_id
    assert (changed.collection_ids, changed.collections_hidden) == ([shared.id], 1)
    found = await _spec_collections(services, actor, agent)
    assert found == ({hidden.id, shared.id}, 0)


async def test_editor_gives_an_agent_only_collections_that_its_owner_may_see(
    services: Services,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    make_collection: MakeCollection,
) -> None:
    agent = await make_agent(actor)
    await rows.share(agent, other_actor, "edit")
    theirs, hidden = await make_collection(other_actor), await make_collection(actor)

    with pytest.raises(Invalid, match="owner may not see"):
        await _update(services, other_actor, agent, _searching(theirs))
    with pytest.raises(NotFound):
        await _update(services, other_actor, agent, _searching(hidden))
    await rows.share(theirs, actor, "view")
    await _update(services, other_actor, agent, _searching(theirs))

    assert await _spec_collections(services, actor, agent) == ({theirs.id}, 0)


async def test_collection_that_is_withdrawn_from_the_owner_is_not_searched(
    services: Services,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    make_collection: MakeCollection,
) -> None:
    theirs = await make_collection(other_actor)
    await rows.share(theirs, actor, "view")
    agent = await make_agent(actor, collection_ids=[theirs.id])
    assert await _spec_collections(services, actor, agent) == ({theirs.id}, 0)

    await rows.unshare(theirs)

    assert await _spec_collections(services, actor, agent) == (set(), 1)


@pytest.mark.parametrize("level", ["view", "run"])
async def test_who_may_not_change_is_told_so(
    services: Services,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    level: str,
) -> None:
    agent = await make_agent(actor)
    await rows.share(agent, other_actor, level)

    with pytest.raises(Forbidden, match="not change it"):
        await _update(services, other_actor, agent)
    with pytest.raises(Forbidden, match="Only the owner"):
        async with services.db.transaction() as session:
            await service.delete_agent(session, other_actor, agent_id=agent.id)


async def test_editor_cannot_send_the_owners_key_to_another_address(
    services: Services,
    rows: RowFactory,
    other_actor: Actor,
    make_user: MakeUser,
    make_agent: MakeAgent,
) -> None:
    owner = await make_user()
    agent = await make_agent(owner)
    await rows.share(agent, other_actor, "edit")
    await _update(services, owner, agent, FAR)
    elsewhere = FAR.model_copy(
        update={"remote_url": "https://evil.example", "remote_key": None}
    )

    with pytest.raises(Invalid, match="Enter a key"):
        await _update(services, other_actor, agent, elsewhere)
    same = FAR.model_copy(update={"remote_key": None, "name": "Near"})
    assert (await _update(services, other_actor, agent, same)).has_remote_key
    theirs = elsewhere.model_copy(update={"remote_key": "their own"})
    assert (await _update(services, other_actor, agent, theirs)).has_remote_key


async def test_editor_cannot_lead_an_administrators_agent_into_the_network(
    services: Services,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
) -> None:
    agent = await make_agent(actor)
    await rows.share(agent, other_actor, "edit")
    inside = FAR.model_copy(update={"remote_url": "http://router.example"})

    with pytest.raises(Invalid, match="only an administrator"):
        await _update(services, other_actor, agent, inside)
    await _update(services, actor, agent, inside)
    same = inside.model_copy(update={"remote_key": None, "name": "Near"})
    assert (await _update(services, other_actor, agent, same)).name == "Near"


async def test_copy_of_a_shared_agent_is_ones_own_without_key_and_hidden_collections(
    services: Services,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    make_collection: MakeCollection,
) -> None:
    hidden, shared = await make_collection(actor), await make_collection(actor)
    agent = await make_agent(
        actor,
        collection_ids=[hidden.id, shared.id],
        is_public=True,
        remote_key=services.keyring.encrypt("agents.remote_key", "secret"),
    )
    await rows.share(shared, other_actor, "view")

    async with services.db.transaction() as session:
        copy = await service.duplicate_agent(session, other_actor, agent_id=agent.id)

    assert (copy.owner_id, copy.access) == (other_actor.user_id, Level.OWN)
    assert (copy.is_public, copy.has_remote_key) == (False, False)
    assert (copy.collection_ids, copy.collections_hidden) == ([shared.id], 0)
    found = await _spec_collections(services, other_actor, await _row(services, copy))
    assert found == ({shared.id}, 0)


async def _row(services: Services, view: AgentView) -> AgentRow:
    async with services.db.read() as session:
        row = await session.get(AgentRow, view.id)
    assert row is not None
    return row


async def test_agent_is_found_by_name_when_it_is_shared_and_not_when_it_is_public(
    services: Services,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
) -> None:
    shared = await make_agent(actor, name="Shared")
    await rows.share(shared, other_actor, "run")
    await make_agent(actor, name="Public", is_public=True)

    async with services.db.read() as session:
        found = {
            name: [
                agent.id
                for agent in await service.list_named(session, other_actor, name=name)
            ]
            for name in ("shared", "public")
        }

    assert found == {"shared": [shared.id], "public": []}


async def test_suspended_person_sees_nothing_and_what_they_shared_is_not_run(
    services: Services,
    rows: RowFactory,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
) -> None:
    agent = await make_agent(other_actor)
    await rows.share(agent, actor, "edit")
    async with services.db.transaction() as session:
        await people.set_active(
            session, actor, user_id=other_actor.user_id, is_active=False
        )

    # Its settings are still there to be copied.
    assert (await _get(services, actor, agent)).access is Level.EDIT
