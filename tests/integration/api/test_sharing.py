"""Every address of an agent, a collection, a provider or a part of one, asked by somebody with whom it is shared.

Made from the registry of routes: a new one fails here until it is said which level it needs.
"""

from dataclasses import replace
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from app.backend.agents.tables import AgentRow, AgentShareRow
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.identity.sharing_schemas import Level
from app.backend.knowledge.tables import CollectionShareRow
from app.backend.providers.tables import ProviderShareRow
from tests.factories.rows import MakeAgent, MakeCollection, MakeUser, RowFactory
from tests.fakes.knowledge import FakeEmbedder
from tests.integration.api.conftest import ClientOf
from tests.integration.api.test_isolation import KINDS, Case, ask, cases_of
from tests.isolation import Kind, World, make_world

# With its parts each, so that no test asks at too many addresses.
FAMILIES = (
    {Kind.AGENT},
    {Kind.COLLECTION, Kind.DOCUMENT, Kind.PASSAGE},
    {Kind.PROVIDER, Kind.MODEL, Kind.MIDDLEWARE},
)
SHARED_KINDS = set[Kind]().union(*FAMILIES)
OF_EACH_FAMILY = pytest.mark.parametrize("family", FAMILIES, ids=min)
# What the answer to an interrupt of one's own run needs is to see the agent; to start one is tested beside it.
NEEDED = {
    "GET /api/v1/agents/{agent_id}": Level.VIEW,
    "PUT /api/v1/agents/{agent_id}": Level.EDIT,
    "DELETE /api/v1/agents/{agent_id}": Level.OWN,
    "POST /api/v1/agents/{agent_id}/duplicate": Level.VIEW,
    "POST /api/v1/agents/{agent_id}/archive": Level.EDIT,
    "POST /api/v1/agents/{agent_id}/restore": Level.EDIT,
    "GET /api/v1/agents/{agent_id}/shares": Level.OWN,
    "POST /api/v1/agents/{agent_id}/shares": Level.OWN,
    "DELETE /api/v1/agents/{agent_id}/shares/{share_id}": Level.OWN,
    "PUT /api/v1/agents/{agent_id}/public": Level.OWN,
    "POST /api/v1/agents/{agent_id}/runs": Level.RUN,
    "POST /api/v1/agents/{agent_id}/runs/batch": Level.RUN,
    "POST /api/v1/agents/{agent_id}/agui": Level.VIEW,
    "GET /agent/{agent_id}": Level.VIEW,
    "POST /api/agents/{agent_id}/knowledge/upload": Level.EDIT,
    "GET /api/v1/collections/{collection_id}": Level.VIEW,
    "PUT /api/v1/collections/{collection_id}": Level.EDIT,
    "DELETE /api/v1/collections/{collection_id}": Level.OWN,
    "GET /api/v1/collections/{collection_id}/documents": Level.VIEW,
    "POST /api/v1/collections/{collection_id}/documents": Level.EDIT,
    "GET /api/v1/collections/{collection_id}/search": Level.VIEW,
    "GET /api/v1/collections/{collection_id}/shares": Level.OWN,
    "POST /api/v1/collections/{collection_id}/shares": Level.OWN,
    "DELETE /api/v1/collections/{collection_id}/shares/{share_id}": Level.OWN,
    "GET /api/v1/documents/{document_id}": Level.VIEW,
    "DELETE /api/v1/documents/{document_id}": Level.EDIT,
    "POST /api/v1/documents/{document_id}/retry": Level.EDIT,
    "GET /api/v1/documents/{document_id}/chunks": Level.VIEW,
    "GET /api/v1/documents/{document_id}/download": Level.VIEW,
    "GET /api/v1/chunks/{chunk_id}": Level.VIEW,
    "GET /api/v1/providers/{provider_id}": Level.VIEW,
    "GET /api/v1/models/{model_id}": Level.VIEW,
    "GET /api/v1/models/{model_id}/middleware": Level.VIEW,
    "GET /api/v1/middleware/{middleware_id}": Level.VIEW,
    **{
        f"GET /api/plugins/ai-ops/{one}": Level.VIEW
        for one in (
            "llm-providers/{provider_id}",
            "llm-models/{model_id}",
            "llm-middleware/{middleware_id}",
        )
    },
    **{
        f"{method} /api/plugins/ai-ops/{one}": Level.OWN
        for method in ("PUT", "DELETE")
        for one in (
            "llm-providers/{provider_id}",
            "llm-models/{model_id}",
            "llm-middleware/{middleware_id}",
        )
    },
    **{
        f"{method} /api/v1/{one}": Level.OWN
        for one, methods in {
            "providers/{provider_id}": "PUT PATCH DELETE",
            "providers/{provider_id}/models": "GET",
            "providers/{provider_id}/pull": "POST",
            "providers/{provider_id}/test": "POST",
            "providers/{provider_id}/shares": "GET POST",
            "providers/{provider_id}/shares/{share_id}": "DELETE",
            "models/{model_id}": "PUT PATCH DELETE",
            "models/{model_id}/middleware": "POST",
            "middleware/{middleware_id}": "PUT DELETE",
        }.items()
        for method in methods.split()
    },
}


def _cases_of(kinds: set[Kind]) -> list[Case]:
    return [
        case
        for case in cases_of()
        if case.place == "path" and KINDS[case.name] in kinds
    ]


async def _share(
    services: Services, world: World, owner: Actor, other: Actor, level: Level
) -> None:
    rows = RowFactory(services.db)
    for table, kind in (
        (AgentShareRow, Kind.AGENT),
        (CollectionShareRow, Kind.COLLECTION),
        (ProviderShareRow, Kind.PROVIDER),
    ):
        share = table(
            owner_id=owner.user_id,
            object_id=world[kind][0],
            user_id=other.user_id,
            level=level,
        )
        await rows.add(share)


def test_every_shared_address_says_which_level_it_needs(app: FastAPI) -> None:
    asked = {f"{case.method} {case.path}" for case in _cases_of(SHARED_KINDS)}

    assert asked == NEEDED.keys()


@OF_EACH_FAMILY
@pytest.mark.parametrize("level", [Level.VIEW, Level.RUN, Level.EDIT])
async def test_a_share_opens_what_its_level_allows_and_nothing_else(
    services: Services,
    app: FastAPI,
    signed_in: httpx.AsyncClient,
    actor: Actor,
    other_actor: Actor,
    level: Level,
    family: set[Kind],
) -> None:
    app.state.services = replace(services, embedder=FakeEmbedder())
    for case in _cases_of(family):
        world = await make_world(services, other_actor)
        await _share(services, world, other_actor, actor, level)
        # A share that is withdrawn is one of the agent itself, not of somebody else's.
        status, _, text = await ask(signed_in, case, world[KINDS[case.name]][0], world)

        needed = NEEDED[f"{case.method} {case.path}"]
        if level.covers(needed):
            assert status != 403, (case, text)
            assert not _is_unseen(status, text), (case, text)
        else:
            assert status == 403, (case, status, text)
            assert '"code":"FORBIDDEN"' in text


@OF_EACH_FAMILY
async def test_a_public_agent_can_be_run_by_everybody_and_changed_by_its_owner_only(
    services: Services,
    app: FastAPI,
    signed_in: httpx.AsyncClient,
    other_actor: Actor,
    family: set[Kind],
) -> None:
    for case in _cases_of(family):
        world = await make_world(services, other_actor)
        async with services.db.transaction() as session:
            agent = await session.get(AgentRow, world[Kind.AGENT][0])
            assert agent is not None
            agent.is_public = True
        status, _, text = await ask(signed_in, case, world[KINDS[case.name]][0], world)

        needed = NEEDED[f"{case.method} {case.path}"]
        if KINDS[case.name] is not Kind.AGENT:
            assert _is_unseen(status, text), (case, text)
        elif Level.RUN.covers(needed):
            assert status != 403, (case, text)
            assert not _is_unseen(status, text), (case, text)
        else:
            assert status == 403, (case, status, text)


def _is_unseen(status: int, text: str) -> bool:
    return status == 404 and any(
        f'"resource":"{kind}"' in text for kind in SHARED_KINDS
    )


async def test_editor_who_names_no_model_gives_the_agent_its_owners_default(
    services: Services,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    client_of: ClientOf,
) -> None:
    rows = RowFactory(services.db)
    agent = await make_agent(actor)
    await rows.share(agent, other_actor, "edit")
    await rows.default_model(other_actor)
    client = await client_of(other_actor)

    changed = await client.put(f"/api/v1/agents/{agent.id}", json={"name": "Changed"})

    assert changed.status_code == 200, changed.text
    assert changed.json()["model"] == services.settings.default_model


async def test_owner_shares_and_withdraws(
    client_of: ClientOf,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
) -> None:
    ada, bob = await client_of(actor), await client_of(other_actor)
    agent = await make_agent(actor)
    here = f"/api/v1/agents/{agent.id}"
    assert (await bob.get(here)).status_code == 404

    draft = {"email": other_actor.email.upper(), "level": "run"}
    made = await ada.post(f"{here}/shares", json=draft)
    again = await ada.post(f"{here}/shares", json={**draft, "level": "view"})

    assert made.status_code == 201
    assert again.json() == {**made.json(), "level": "view"}
    listed = (await ada.get(f"{here}/shares")).json()["items"]
    assert [(item["name"], item["level"]) for item in listed] == [
        (other_actor.email, "view")
    ]
    seen = (await bob.get(here)).json()
    assert (seen["access"], seen["owner_name"]) == ("view", actor.email)
    shared = await bob.get("/api/v1/agents", params={"shown": "shared"})
    assert [item["id"] for item in shared.json()["items"]] == [str(agent.id)]
    assert (await bob.get("/api/v1/agents")).json()["items"] == []

    gone = await ada.delete(f"{here}/shares/{made.json()['id']}")

    assert gone.status_code == 204
    assert (await bob.get(here)).status_code == 404
    shared = await bob.get("/api/v1/agents", params={"shown": "shared"})
    assert shared.json()["items"] == []


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        ({"email": "nobody@example.org", "level": "run"}, "email"),
        ({"email": "no address", "level": "run"}, "email"),
        ({"level": "run"}, "body"),
        ({"email": "owner", "level": "view"}, "email"),
        ({"email": "nobody@example.org", "level": "own"}, "level"),
    ],
)
async def test_share_that_cannot_be_says_why(
    client: httpx.AsyncClient,
    actor: Actor,
    make_agent: MakeAgent,
    draft: dict[str, str],
    field: str,
) -> None:
    agent = await make_agent(actor)
    if draft.get("email") == "owner":
        draft = {**draft, "email": actor.email}

    answer = await client.post(f"/api/v1/agents/{agent.id}/shares", json=draft)

    assert answer.status_code == 400
    assert field in answer.json()["details"]


async def test_collection_cannot_be_run(
    client: httpx.AsyncClient,
    actor: Actor,
    other_actor: Actor,
    make_collection: MakeCollection,
) -> None:
    collection = await make_collection(actor)
    draft = {"email": other_actor.email, "level": "run"}

    answer = await client.post(
        f"/api/v1/collections/{collection.id}/shares", json=draft
    )

    assert answer.status_code == 400
    assert "view, edit" in answer.json()["details"]["level"][0]


async def test_group_shares_with_its_members_as_long_as_they_are_in_it(
    services: Services,
    signed_in: httpx.AsyncClient,
    actor: Actor,
    client_of: ClientOf,
    make_user: MakeUser,
    make_collection: MakeCollection,
) -> None:
    ada, bob = await make_user(email="ada@example.org"), await make_user()
    as_ada, as_bob = await client_of(ada), await client_of(bob)
    collection = await make_collection(ada)
    group = (await signed_in.post("/api/v1/groups", json={"name": "Team"})).json()
    groups = f"/api/v1/groups/{group['id']}"
    shares = f"/api/v1/collections/{collection.id}/shares"
    here = f"/api/v1/collections/{collection.id}"
    await signed_in.post(f"{groups}/members", json={"email": bob.email})

    named = (await as_ada.get("/api/v1/groups")).json()["items"]
    made = await as_ada.post(shares, json={"group_id": named[0]["id"], "level": "edit"})

    assert (named[0]["name"], named[0]["members"]) == ("Team", 1)
    assert made.json()["name"] == "Team"
    assert (await as_bob.get(here)).json()["access"] == "edit"
    await signed_in.delete(f"{groups}/members/{bob.user_id}")
    assert (await as_bob.get(here)).status_code == 404
    await signed_in.post(f"{groups}/members", json={"email": bob.email})
    assert (await as_bob.get(here)).status_code == 200
    await signed_in.delete(groups)
    assert (await as_bob.get(here)).status_code == 404
    assert (await as_ada.get(shares)).json()["items"] == []


async def test_groups_are_managed_by_administrators_and_not_by_keys(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    for program in (client, other_client):
        answer = await program.post("/api/v1/groups", json={"name": "Team"})

        assert answer.status_code == 403
        assert (await program.get("/api/v1/groups")).status_code == 200


async def test_editor_of_a_collection_adds_for_its_owner(
    services: Services,
    client_of: ClientOf,
    actor: Actor,
    other_actor: Actor,
    make_collection: MakeCollection,
) -> None:
    collection = await make_collection(actor)
    await RowFactory(services.db).share(collection, other_actor, "edit")
    ada, bob = await client_of(actor), await client_of(other_actor)
    here = f"/api/v1/collections/{collection.id}/documents"

    taken = await bob.post(here, files={"files": ("a.txt", b"some text", "text/plain")})

    assert taken.status_code == 202, taken.text
    (document,) = (await ada.get(here)).json()["items"]
    assert (await bob.get(here)).json()["items"] == [document]
    gone = await ada.delete(f"/api/v1/documents/{document['id']}")
    assert gone.status_code == 204


def _audited(actions: list[str], names: set[str]) -> list[str]:
    return [action for action in actions if action in names]


async def test_sharing_is_in_the_audit(
    services: Services,
    signed_in: httpx.AsyncClient,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
) -> None:
    agent: AgentRow = await make_agent(actor)
    here = f"/api/v1/agents/{agent.id}"
    draft = {"email": other_actor.email, "level": "run"}
    made = (await signed_in.post(f"{here}/shares", json=draft)).json()
    await signed_in.delete(f"{here}/shares/{UUID(made['id'])}")
    for is_public in (True, True, False):
        await signed_in.put(f"{here}/public", json={"is_public": is_public})

    found = (await signed_in.get("/api/v1/audit")).json()["items"]
    names = {"shared", "unshared", "made_public", "made_private"}
    told = _audited([item["action"] for item in found], names)
    assert told == ["made_private", "made_public", "unshared", "shared"]
    assert other_actor.email in str(found)
