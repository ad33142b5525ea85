"""The limits of a tier at the API: what is refused, with when to come back, and what goes on meanwhile."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis
from structlog.testing import capture_logs

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.identity.request_limits import RequestLimits
from tests.factories.rows import MakeAgent, MakeCollection
from tests.integration.api.conftest import OpenSocket
from tests.parts import free_port

RUNS = "/api/v1/runs"
USED = "/api/v1/usage/limits"


@pytest.fixture
async def limit(
    app: FastAPI, services: Services, signed_in: httpx.AsyncClient, actor: Actor
) -> Any:
    """`await limit(runs_per_day=3)` gives the owner limits of their own, which count at once."""

    async def give(**own: int) -> None:
        path = f"/api/v1/users/{actor.user_id}/limits"
        answer = await signed_in.put(path, json={"own": own})
        assert answer.status_code == 200, answer.text
        fresh = RequestLimits(services.db, services.redis)
        app.state.services = replace(services, request_limits=fresh)

    return give


def _check_refusal(answer: httpx.Response, code: str, seconds_max: int) -> None:
    body = answer.json()
    assert answer.status_code == 429, answer.text
    assert set(body) == {"error", "code", "message", "retry_after"}
    assert body["code"] == code
    assert answer.headers["Retry-After"] == str(body["retry_after"])
    assert 1 <= body["retry_after"] <= seconds_max


async def test_program_that_asks_too_often_does_not_close_the_pages(
    client: httpx.AsyncClient, signed_in: httpx.AsyncClient, limit: Any
) -> None:
    await limit(requests_per_minute=5)

    answers = [await client.get(RUNS) for _ in range(7)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    _check_refusal(answers[-1], "REQUEST_LIMIT", 60)
    assert (await signed_in.get(RUNS)).status_code == 200


async def test_others_are_not_limited(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, limit: Any
) -> None:
    await limit(requests_per_minute=1)

    mine = [(await client.get(RUNS)).status_code for _ in range(2)]
    theirs = [(await other_client.get(RUNS)).status_code for _ in range(2)]

    assert (mine, theirs) == ([200, 429], [200, 200])


async def test_without_redis_requests_go_on_and_the_log_says_so_once(
    app: FastAPI,
    services: Services,
    client: httpx.AsyncClient,
    limit: Any,
) -> None:
    await limit(requests_per_minute=1)
    async with Redis.from_url(f"redis://127.0.0.1:{free_port()}/0") as away:
        limits = RequestLimits(services.db, away)
        app.state.services = replace(services, request_limits=limits)
        with capture_logs() as logs:
            answers = [await client.get(RUNS) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert [one["event"] for one in logs].count("requests_not_counted") == 1


async def test_runs_of_a_day_are_counted_also_when_they_are_deleted(
    client: httpx.AsyncClient, limit: Any, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor)
    await limit(runs_per_day=3)
    start = f"/api/v1/agents/{agent.id}/runs"
    one: dict[str, Any] = {"input": {"query": "What?"}}

    first = await client.post(start, json=one)
    batch = await client.post(f"{start}/batch", json={"runs": [one] * 3})
    _check_refusal(batch, "RUNS_OF_DAY_USED", 86_400)
    stopped = first.json()["id"]
    await client.post(f"{RUNS}/{stopped}/stop")
    retried = await client.post(f"{RUNS}/{stopped}/retry")
    deleted = await client.delete(f"/api/v1/threads/{first.json()['thread_id']}")
    last = await client.post(start, json=one)
    over = await client.post(start, json=one)

    answers = (first, retried, last)
    assert [answer.is_success for answer in answers] == [True] * 3, retried.text
    assert deleted.is_success
    _check_refusal(over, "RUNS_OF_DAY_USED", 86_400)
    used = {one["name"]: one for one in (await client.get(USED)).json()["items"]}
    assert (used["runs_per_day"]["used"], used["runs_per_day"]["most"]) == (3, 3)


async def test_active_runs_are_limited_by_the_tier_too(
    client: httpx.AsyncClient, limit: Any, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor)
    await limit(runs_active=1)
    start = f"/api/v1/agents/{agent.id}/runs"
    one = {"input": {"query": "What?"}}

    first = await client.post(start, json=one)
    second = await client.post(start, json=one)
    await client.post(f"{RUNS}/{first.json()['id']}/stop")
    third = await client.post(start, json=one)

    _check_refusal(second, "TOO_MANY_REQUESTS", 60)
    assert (first.is_success, third.is_success) == (True, True)


async def test_upload_for_which_there_is_no_room_leaves_nothing(
    services: Services,
    client: httpx.AsyncClient,
    limit: Any,
    actor: Actor,
    make_collection: MakeCollection,
) -> None:
    collection = await make_collection(actor)
    await limit(storage_mb=1)
    path = f"/api/v1/collections/{collection.id}/documents"
    size = 600 * 1024

    def body(letter: str) -> dict[str, Any]:
        return {"files": (f"{letter}.txt", letter.encode() * size, "text/plain")}

    first = await client.post(path, files=body("a"))
    second = await client.post(path, files=body("b"))
    document = first.json()["items"][0]["id"]
    await client.delete(f"/api/v1/documents/{document}")
    again = await client.post(path, files=body("b"))

    assert first.is_success, first.text
    _check_refusal(second, "STORAGE_USED", 3600)
    assert again.is_success, again.text


async def test_messages_of_a_websocket_are_counted(
    client: httpx.AsyncClient,
    open_socket: OpenSocket,
    limit: Any,
    actor: Actor,
    make_agent: MakeAgent,
) -> None:
    agent = await make_agent(actor)
    await limit(requests_per_minute=3)
    socket = await open_socket("agent", agent.id)

    said = [await socket.recv()]
    for _ in range(3):
        await socket.send('{"action": "ping"}')
        said.append(await socket.recv())

    kinds = [("pong" in text, "requests a minute" in text) for text in map(str, said)]
    assert kinds == [
        (False, False),
        (True, False),
        (True, False),
        (False, True),
    ]
    assert (await client.get(RUNS)).status_code == 429


async def test_everybody_sees_what_they_have_used(
    other_client: httpx.AsyncClient,
) -> None:
    answer = (await other_client.get(USED)).json()

    assert answer["tier"] == "Standard"
    assert {one["name"]: (one["used"], one["most"]) for one in answer["items"]} == {
        "requests_per_minute": (0, None),
        "runs_per_day": (0, None),
        "runs_active": (0, 500),
        "storage_mb": (0, None),
    }


async def test_tiers_are_made_changed_and_deleted(
    signed_in: httpx.AsyncClient, client: httpx.AsyncClient, actor: Actor
) -> None:
    tiers = "/api/v1/tiers"
    made = await signed_in.post(tiers, json={"name": "Team", "runs_per_day": 10})
    path = f"{tiers}/{made.json()['id']}"
    changed = await signed_in.put(path, json={"name": "Team", "runs_active": 2})
    limits = f"/api/v1/users/{actor.user_id}/limits"
    given = await signed_in.put(limits, json={"tier_id": made.json()["id"]})
    listed = await signed_in.get(tiers)
    deleted = await signed_in.delete(path)

    assert made.status_code == 201
    assert changed.json()["runs_per_day"] is None
    assert given.json()["limits"]["runs_active"] == 2
    assert {one["name"]: one["people"] for one in listed.json()["items"]}["Team"] == 1
    assert deleted.status_code == 204
    assert (await signed_in.get(limits)).json()["tier"]["name"] == "Standard"
    assert (await client.get(tiers)).status_code == 403
