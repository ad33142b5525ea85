"""What an address has returned can be changed and sent back as a whole."""

from typing import Any

import httpx
import pytest

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from tests.priced import add_priced

OURS, THEIRS = "/api/v1", "/api/plugins/ai-ops"
_NAMED = ("agents", "collections", "tiers")


@pytest.fixture
async def model(services: Services, actor: Actor) -> str:
    """A model that was added, by its name."""
    (name,) = await add_priced(services, actor, "hello")
    return name


async def _first(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    listed = (await client.get(address)).json()
    return (listed.get("items") or listed["results"])[0]


async def _place(client: httpx.AsyncClient, base: str, what: str, model: str) -> str:
    match what:
        case _ if what in _NAMED:
            draft: dict[str, Any] = {"name": "First"}
        case "middleware":
            draft = {"model": model, "type": "cache"}
        case "budgets":
            draft = {"amount": 5}
        case _:
            listed = f"{base}/{what}"
            if what == "models":
                listed += "/added"
            return f"{base}/{what}/{(await _first(client, listed))['id']}"
    made = await client.post(f"{base}/{what}", json=draft)
    return f"{base}/{what}/{made.json()['id']}"


@pytest.mark.parametrize(
    ("method", "what", "change"),
    [
        ("PUT", "models", {"price_in": 7.0}),
        ("PUT", "providers", {"label": "Ours"}),
        ("PUT", "middleware", {"priority": 7}),
        *(("PUT", what, {"name": "Other"}) for what in _NAMED),
        ("PATCH", "budgets", {"amount": 7.0}),
    ],
)
async def test_what_was_returned_is_taken_back_with_a_change(
    signed_in: httpx.AsyncClient,
    model: str,
    method: str,
    what: str,
    change: dict[str, Any],
) -> None:
    place = await _place(signed_in, OURS, what, model)
    before = (await signed_in.get(place)).json()

    answer = await signed_in.request(method, place, json={**before, **change})
    wrong = await signed_in.request(method, place, json={**before, "colour": "red"})

    assert answer.status_code == 200, answer.text
    after = (await signed_in.get(place)).json()
    assert after | {"updated_at": ""} == before | change | {"updated_at": ""}
    assert wrong.status_code == 400
    assert list(wrong.json()["details"]) == ["colour"]


async def test_group_is_renamed_and_nothing_unknown(
    signed_in: httpx.AsyncClient,
) -> None:
    group = (await signed_in.post(f"{OURS}/groups", json={"name": "First"})).json()
    place = f"{OURS}/groups/{group['id']}"

    answer = await signed_in.put(place, json={**group, "name": "Other"})
    wrong = await signed_in.put(place, json={**group, "colour": "red"})

    assert answer.json() == group | {"name": "Other"}
    assert list(wrong.json()["details"]) == ["colour"]


async def test_what_is_only_shown_is_not_changed(
    signed_in: httpx.AsyncClient, model: str
) -> None:
    place = await _place(signed_in, OURS, "models", model)
    before = (await signed_in.get(place)).json()

    answer = await signed_in.put(place, json={**before, "name": "other", "id": "none"})

    assert (answer.json()["name"], answer.json()["id"]) == ("hello", before["id"])


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("llm-models", {"context_window": 512}),
        ("llm-providers", {"description": "Ours"}),
        ("llm-middleware", {"priority": 7}),
    ],
)
async def test_first_clients_send_back_what_was_returned_and_nothing_unknown(
    signed_in: httpx.AsyncClient, model: str, what: str, change: dict[str, Any]
) -> None:
    await signed_in.post(f"{OURS}/middleware", json={"model": model, "type": "cache"})
    before = await _first(signed_in, f"{THEIRS}/{what}/")
    place = f"{THEIRS}/{what}/{before['id']}/"

    answer = await signed_in.put(place, json={**before, **change})
    wrong = await signed_in.put(place, json={**before, "colour": "red"})

    assert answer.status_code == 200, answer.text
    assert answer.json() == before | change
    assert wrong.status_code == 400
    assert list(wrong.json()["details"]) == ["colour"]


@pytest.mark.parametrize(
    ("what", "own"),
    [
        ("llm-models", {"name": "more"}),
        ("llm-providers", {"name": "more"}),
        ("llm-middleware", {}),
    ],
)
async def test_first_clients_make_another_one_and_nothing_unknown(
    signed_in: httpx.AsyncClient, model: str, what: str, own: dict[str, str]
) -> None:
    await signed_in.post(f"{OURS}/middleware", json={"model": model, "type": "cache"})
    draft = {**await _first(signed_in, f"{THEIRS}/{what}/"), **own}

    wrong = await signed_in.post(f"{THEIRS}/{what}/", json={**draft, "colour": "red"})
    made = await signed_in.post(f"{THEIRS}/{what}/", json=draft)

    assert wrong.status_code == 400
    assert list(wrong.json()["details"]) == ["colour"]
    assert made.status_code == 201, made.text
    assert made.json()["id"] != draft["id"]
