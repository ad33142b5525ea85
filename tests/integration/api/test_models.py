"""Providers and models over the API: in our words, and in those of the first clients."""

import json
from collections.abc import Iterator

import httpx
import pytest

from app.backend.bootstrap import Services
from app.backend.core import ids
from app.backend.core.settings import Settings
from tests.integration.providers import vendors
from tests.integration.providers.vendors import KEY

NOWHERE = ids.new_id()


@pytest.fixture
def vendor_url() -> Iterator[str]:
    """A server that speaks OpenAI's protocol."""
    with vendors.serving(vendors.openai()) as url:
        yield f"{url}/v1"


def _provider(url: str, **fields: object) -> dict[str, object]:
    settings = {"base_url": url}
    draft = {"type": "openai_compatible", "name": "mine", "settings": settings}
    return {**draft, "api_key": KEY, **fields}


async def test_provider_is_tried_connected_and_used(
    signed_in: httpx.AsyncClient, vendor_url: str
) -> None:
    draft = _provider(vendor_url)
    types = (await signed_in.get("/api/v1/providers/types")).json()
    tried = await signed_in.post(
        "/api/v1/providers/test", json={"provider": draft, "model": "tool"}
    )
    made = await signed_in.post("/api/v1/providers", json=draft)
    place = f"/api/v1/providers/{made.json()['id']}"
    offered = (await signed_in.get(f"{place}/models")).json()["items"]
    added = await signed_in.post(
        "/api/v1/models", json={"provider_id": made.json()["id"], "name": "good"}
    )
    model = f"/api/v1/models/{added.json()['id']}"
    chosen = await signed_in.patch(model, json={"is_default": True})
    cheap = await signed_in.patch(model, json={"is_cheap": True})
    listed = (await signed_in.get("/api/v1/models")).json()["items"]

    (kind,) = [one for one in types if one["key"] == "openai_compatible"]
    assert kind["settings_schema"]["required"] == ["base_url"]
    stages = [json.loads(line) for line in tried.text.splitlines()]
    assert [one["status"] for one in stages] == ["ok"] * 7
    assert made.status_code == 201, made.text
    assert KEY not in made.text + tried.text
    assert [one["name"] for one in offered] == list(vendors.MODELS)
    assert (chosen.json()["is_default"], chosen.json()["is_cheap"]) == (True, False)
    assert (cheap.json()["is_default"], cheap.json()["is_cheap"]) == (True, True)
    assert (listed[0]["name"], listed[0]["is_default"]) == ("mine/good", True)
    budget = {"amount": 1, "policy": "cheaper", "cheaper_model": "mine/good"}
    limit = (await signed_in.post("/api/v1/budgets", json=budget)).json()["id"]
    kept = [await signed_in.delete(one) for one in (model, place)]
    assert [one.status_code for one in kept] == [409, 409]
    assert all("used by a budget of yours" in one.text for one in kept)
    assert (await signed_in.delete(f"/api/v1/budgets/{limit}")).status_code == 204
    assert (await signed_in.delete(place)).status_code == 204
    assert (await signed_in.get(model)).status_code == 404


async def test_wrong_settings_name_their_field(signed_in: httpx.AsyncClient) -> None:
    answer = await signed_in.post("/api/v1/providers", json=_provider("nonsense"))

    assert answer.status_code == 400
    assert list(answer.json()["details"]) == ["settings.base_url"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/models"),
        ("PATCH", f"/models/{NOWHERE}"),
        ("PUT", f"/models/{NOWHERE}"),
        ("POST", "/models/local"),
        ("POST", "/providers"),
        ("POST", "/providers/test"),
        ("PUT", f"/providers/{NOWHERE}"),
        ("PATCH", f"/providers/{NOWHERE}"),
        ("POST", f"/providers/{NOWHERE}/test"),
        ("POST", f"/providers/{NOWHERE}/pull"),
        ("POST", "/budgets"),
        ("PATCH", f"/budgets/{NOWHERE}"),
        ("POST", "/middleware"),
        ("PUT", f"/middleware/{NOWHERE}"),
        ("POST", f"/models/{NOWHERE}/middleware"),
    ],
)
async def test_field_that_nobody_knows_is_refused(
    signed_in: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await signed_in.request(method, f"/api/v1{path}", json={"colour": "red"})

    assert answer.status_code == 400
    assert "colour" in answer.json()["details"]


async def test_words_of_the_first_clients_lead_to_the_same_rows(
    signed_in: httpx.AsyncClient, vendor_url: str, services: Services
) -> None:
    base = "/api/plugins/ai-ops"
    config = {"base_url": vendor_url}
    made = await signed_in.post(
        f"{base}/llm-providers/",
        json={
            "name": "theirs",
            "provider_type": "openai_compatible",
            "config_schema": config,
            "api_key": KEY,
        },
    )
    provider = made.json()
    model = {"provider": provider["id"], "name": "good", "supports_tools": True}
    added = (await signed_in.post(f"{base}/llm-models/", json=model)).json()
    place = f"{base}/llm-models/{added['id']}/"
    ours = f"/api/v1/models/{added['id']}"
    await signed_in.patch(ours, json={"is_cheap": True})
    changed = await signed_in.put(place, json={"is_default": True})
    listed = (await signed_in.get(f"{base}/llm-providers/")).json()

    assert made.status_code == 201, made.text
    assert (provider["handler_class"], provider["config_schema"]) == (
        "CompatibleHandler",
        config,
    )
    assert (listed["count"], listed["results"]) == (1, [provider])
    assert (changed.json()["is_default"], changed.json()["environment"]) == (
        True,
        "LAB",
    )
    # What stands before a new default is known before it is asked.
    assert await services.redis.exists(f"app:middleware:{added['id']}:chain")
    found = (await signed_in.get("/api/v1/models/added")).json()["items"]
    assert [(one["full_name"], one["is_cheap"]) for one in found] == [
        ("theirs/good", True)
    ]
    assert (await signed_in.delete(place)).status_code == 204


async def test_files_on_this_machine_are_listed_without_their_paths(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    (own,) = (await client.get("/api/v1/models/local")).json()["items"]

    assert own["name"] == f"local/{settings.local_model_name}"
    assert (own["licence"], own["is_own"]) == ("Apache-2.0", True)
    assert own["size"] > 0
    assert "path" not in own
