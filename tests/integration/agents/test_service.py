"""Agents as their owner makes and changes them."""

from uuid import UUID, uuid4

import pytest
from cryptography.fernet import Fernet

from app.backend.agents import service
from app.backend.agents.schemas import AgentDraft, AgentView, Execution
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.errors import Invalid, NotFound
from tests.factories.rows import MakeAgent, MakeCollection

DRAFT = AgentDraft(name="  Librarian ", instructions="Today is {today}.")
REMOTE = AgentDraft(
    name="Far",
    execution=Execution.REMOTE,
    remote_url="https://far.example:8001/",
    remote_agent_id=str(UUID(int=1)),
    remote_key="very secret",
)


async def _create(
    services: Services, actor: Actor, draft: AgentDraft = DRAFT
) -> AgentView:
    async with services.db.transaction() as session:
        return await service.create_agent(
            session,
            actor,
            draft=draft,
            keyring=services.keyring,
            default_model="local/small",
            tools=services.tools,
        )


async def _update(
    services: Services, actor: Actor, agent_id: object, draft: AgentDraft
) -> AgentView:
    async with services.db.transaction() as session:
        return await service.update_agent(
            session,
            actor,
            agent_id=agent_id,  # pyright: ignore[reportArgumentType] - some are wrong on purpose
            draft=draft,
            keyring=services.keyring,
            default_model="local/small",
            tools=services.tools,
        )


async def test_create_fills_in_the_default_model(
    services: Services, actor: Actor, make_collection: MakeCollection
) -> None:
    collection = await make_collection(actor)
    draft = DRAFT.model_copy(update={"collection_ids": [collection.id, collection.id]})

    agent = await _create(services, actor, draft)

    assert (agent.name, agent.model) == ("Librarian", "local/small")
    assert agent.collection_ids == [collection.id]
    async with services.db.read() as session:
        assert (
            await service.get_agent(session, actor, agent_id=agent.id)
        ).collection_ids == [collection.id]


_FAR = {"execution": Execution.REMOTE, "remote_url": "https://far.example"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"instructions": "Hello {nobody}"}, "instructions"),
        ({"execution": Execution.REMOTE, "remote_url": "far away"}, "remote_url"),
        (
            _FAR,
            "remote_agent_id",
        ),
        ({**_FAR, "remote_agent_id": "my agent"}, "remote_agent_id"),
    ],
)
async def test_create_refuses_and_names_the_field(
    services: Services, actor: Actor, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await _create(services, actor, DRAFT.model_copy(update=changes))

    assert field in caught.value.details


async def test_remote_key_is_kept_encrypted_and_never_shown(
    services: Services, actor: Actor
) -> None:
    agent = await _create(services, actor, REMOTE)
    kept = await _update(
        services, actor, agent.id, REMOTE.model_copy(update={"remote_key": None})
    )

    assert agent.has_remote_key
    assert kept.has_remote_key
    assert "very secret" not in kept.model_dump_json()
    assert kept.remote_url == "https://far.example:8001"
    async with services.db.read() as session:
        spec = await service.get_spec(
            session, actor, agent_id=agent.id, keyring=services.keyring
        )
    assert spec.remote_key is not None
    assert spec.remote_key.get_secret_value() == "very secret"
    assert "very secret" not in repr(spec)


async def test_key_that_an_earlier_version_encrypted_is_read_and_kept(
    services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    key = Fernet(services.keyring.fernet_key("agents.remote_key"))
    row = await make_agent(actor, remote_key=key.encrypt(b"very secret").decode())

    async with services.db.read() as session:
        spec = await service.get_spec(
            session, actor, agent_id=row.id, keyring=services.keyring
        )

    assert spec.remote_key is not None
    assert spec.remote_key.get_secret_value() == "very secret"


async def test_copy_has_everything_but_its_own_name(
    services: Services, actor: Actor, make_collection: MakeCollection
) -> None:
    collection = await make_collection(actor)
    draft = REMOTE.model_copy(update={"collection_ids": [collection.id]})
    agent = await _create(services, actor, draft)

    async with services.db.transaction() as session:
        copy = await service.duplicate_agent(session, actor, agent_id=agent.id)

    same = set(AgentDraft.model_fields) - {"name", "remote_key"}
    assert copy.name == "Far (copy)"
    assert copy.model_dump(include=same) == agent.model_dump(include=same)
    assert copy.has_remote_key


async def test_archived_agents_are_listed_apart(
    services: Services, actor: Actor
) -> None:
    kept = await _create(services, actor)
    gone = await _create(services, actor)
    async with services.db.transaction() as session:
        await service.archive_agent(session, actor, agent_id=gone.id, is_archived=True)

    async with services.db.read() as session:
        active = await service.list_agents(session, actor)
        archived = await service.list_agents(session, actor, is_archived=True)
    assert [agent.id for agent in active.items] == [kept.id]
    assert [agent.id for agent in archived.items] == [gone.id]


@pytest.mark.parametrize("name", ["übersetzer", "ÜBERSETZER", " Übersetzer "])
async def test_agent_is_found_by_its_name_whatever_its_capitals(
    services: Services, actor: Actor, name: str
) -> None:
    named = DRAFT.model_copy(update={"name": "Übersetzer"})
    made = await _create(services, actor, named)
    await _create(services, actor, DRAFT.model_copy(update={"name": "Übersetzerin"}))

    async with services.db.read() as session:
        found = await service.list_named(session, actor, name=name)

    assert [agent.id for agent in found] == [made.id]


async def test_list_pages_and_searches(services: Services, actor: Actor) -> None:
    made = [
        await _create(services, actor, DRAFT.model_copy(update={"name": f"Agent {n}%"}))
        for n in range(3)
    ]

    async with services.db.read() as session:
        first = await service.list_agents(session, actor, limit=2)
        rest = await service.list_agents(
            session, actor, limit=2, cursor=first.next_cursor
        )
        found = await service.list_agents(session, actor, text="AGENT 1%")
        none = await service.list_agents(session, actor, text="_gent 1%")
    assert [agent.id for agent in [*first.items, *rest.items]] == [
        agent.id for agent in reversed(made)
    ]
    assert rest.next_cursor is None
    assert [agent.id for agent in found.items] == [made[1].id]
    assert none.items == []


async def test_what_belongs_to_others_is_not_found(
    services: Services,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    make_collection: MakeCollection,
) -> None:
    foreign = (await make_agent(other_actor)).id
    collection = await make_collection(other_actor)

    with pytest.raises(NotFound):
        await _create(
            services,
            actor,
            DRAFT.model_copy(update={"collection_ids": [collection.id]}),
        )
    for agent_id in (foreign, uuid4()):
        with pytest.raises(NotFound):
            await _update(services, actor, agent_id, DRAFT)
        async with services.db.transaction() as session:
            for ask in (
                service.get_agent(session, actor, agent_id=agent_id),
                service.duplicate_agent(session, actor, agent_id=agent_id),
                service.archive_agent(
                    session, actor, agent_id=agent_id, is_archived=True
                ),
                service.delete_agent(session, actor, agent_id=agent_id),
            ):
                with pytest.raises(NotFound):
                    await ask
