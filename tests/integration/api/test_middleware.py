"""Middlewares over the API: in our words, and in those of the first clients."""

import httpx

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor, Role
from app.backend.models import service as models
from app.backend.providers import service as providers
from app.backend.providers.schemas import ProviderDraft
from tests.factories.rows import RowFactory
from tests.priced import PROVIDER, add_priced

MODEL = "priced/hello"


async def test_middleware_is_added_changed_and_deleted(
    signed_in: httpx.AsyncClient, services: Services, actor: Actor
) -> None:
    await add_priced(services, actor, "hello")
    draft = {"model": MODEL, "type": "cache", "config": {"seconds": 60}}

    added = (await signed_in.post("/api/v1/middleware", json=draft)).json()
    place = f"/api/v1/middleware/{added['id']}"
    change = {"priority": 5, "config": {"seconds": 7}, "is_critical": True}
    changed = (await signed_in.put(place, json=change)).json()
    of_model = f"/api/v1/models/{added['model_id']}/middleware"
    more = await signed_in.post(of_model, json={"type": "logging", "priority": 1})
    listed = (await signed_in.get(of_model)).json()["items"]
    named = await signed_in.get("/api/v1/middleware", params={"model": MODEL})
    types = (await signed_in.get("/api/v1/middleware-types")).json()["items"]

    assert (added["priority"], added["is_critical"]) == (20, False)
    assert (changed["priority"], changed["config"]) == (5, {"seconds": 7})
    assert more.status_code == 201, more.text
    assert [one["type"] for one in listed] == ["logging", "cache"]
    assert named.json()["items"] == listed
    assert {"logging", "cache"} <= {one["key"] for one in types}
    assert (await signed_in.delete(place)).status_code == 204
    assert (await signed_in.get(place)).status_code == 404


async def test_priority_is_from_1_to_100(
    signed_in: httpx.AsyncClient, services: Services, actor: Actor
) -> None:
    await add_priced(services, actor, "hello")
    for priority in (0, 101):
        draft = {"model": MODEL, "type": "cache", "priority": priority}
        answer = await signed_in.post("/api/v1/middleware", json=draft)

        assert answer.status_code == 400
        assert list(answer.json()["details"]) == ["priority"]


async def test_words_of_the_first_clients_lead_to_the_same_rows(
    signed_in: httpx.AsyncClient, services: Services, actor: Actor
) -> None:
    await add_priced(services, actor, "hello")
    (model,) = (await signed_in.get("/api/v1/models/added")).json()["items"]
    base = "/api/plugins/ai-ops"
    draft = {"llm_model": model["id"], "middleware": "cache", "priority": 3}

    added = (await signed_in.post(f"{base}/llm-middleware/", json=draft)).json()
    place = f"{base}/llm-middleware/{added['id']}/"
    changed = (await signed_in.put(place, json={"is_active": False})).json()
    listed = (await signed_in.get(f"{base}/llm-middleware/")).json()
    (ours,) = (await signed_in.get("/api/v1/middleware")).json()["items"]
    kind = (await signed_in.get(f"{base}/middleware-types/cache/")).json()
    types = (await signed_in.get(f"{base}/middleware-types/")).json()

    assert (added["llm_model"], added["priority"]) == (model["id"], 3)
    assert (changed["is_active"], changed["priority"]) == (False, 3)
    assert listed == {"count": 1, "results": [changed]}
    assert (ours["id"], ours["is_active"]) == (added["id"], False)
    assert kind in types["results"]
    assert (await signed_in.get(f"{base}/middleware-types/gone/")).status_code == 404
    assert (await signed_in.delete(place)).status_code == 204


async def test_an_id_leads_to_its_model_beside_an_own_one_of_the_same_name(
    signed_in: httpx.AsyncClient, services: Services, actor: Actor
) -> None:
    second = await RowFactory(services.db).user(role=Role.ADMIN)
    await add_priced(services, second, "hello")
    async with services.db.transaction() as session:
        (shared,) = await models.list_models(session, second)
        draft = ProviderDraft(type="scripted", name=PROVIDER, is_shared=True)
        await providers.update_provider(
            session, second, provider_id=shared.provider_id, draft=draft, parts=services
        )
    await add_priced(services, actor, "hello")
    ours = f"/api/v1/models/{shared.id}/middleware"
    old = {"llm_model": str(shared.id), "middleware": "logging"}

    added = await signed_in.post(ours, json={"type": "cache"})
    more = await signed_in.post("/api/plugins/ai-ops/llm-middleware/", json=old)
    listed = (await signed_in.get(ours)).json()["items"]
    own = await signed_in.get("/api/v1/middleware", params={"model": MODEL})

    assert added.json()["model_id"] == str(shared.id)
    assert more.json()["llm_model"] == str(shared.id)
    assert [one["type"] for one in listed] == ["logging", "cache"]
    assert own.json()["items"] == []
