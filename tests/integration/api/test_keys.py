"""API keys with limits: what they may do, which agents they run, and how they give way to a new one."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import col, update

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.identity.tables import ApiKeyRow
from tests.factories.rows import MakeAgent
from tests.integration.api.conftest import ADDRESS

KEYS = "/api/v1/keys"


def _with(app: FastAPI, key: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url=ADDRESS,
        headers={"Authorization": f"Bearer {key}"},
    )


async def _make(signed_in: httpx.AsyncClient, **limits: Any) -> dict[str, Any]:
    answer = await signed_in.post(KEYS, json={"name": "limited", **limits})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_key_may_do_what_it_is_limited_to(
    app: FastAPI, signed_in: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor)
    made = await _make(signed_in, scopes=["view_agent"])

    async with _with(app, made["key"]) as program:
        seen = await program.get(f"/api/v1/agents/{agent.id}")
        changed = await program.put(f"/api/v1/agents/{agent.id}", json={"name": "x"})
        runs = await program.get("/api/v1/runs")

    assert made["view"]["scopes"] == ["view_agent"]
    assert seen.status_code == 200
    assert (changed.status_code, runs.status_code) == (403, 403)


async def test_key_may_look_at_the_account_and_change_nothing(
    app: FastAPI, signed_in: httpx.AsyncClient
) -> None:
    made = await _make(signed_in)
    password = {"password": "correct horse battery"}
    changes: list[tuple[str, str, dict[str, str]]] = [
        ("PATCH", "me", {"display_name": "Eve"}),
        ("POST", "password", {"current": "guess", "new": "another password"}),
        ("DELETE", "sessions", {}),
        ("DELETE", f"sessions/{UUID(int=1)}", {}),
        ("POST", "second-factor", password),
        ("POST", "second-factor/confirm", {"code": "123456"}),
        ("POST", "second-factor/recovery-codes", password),
        ("POST", "second-factor/remove", password),
        ("DELETE", f"linked/{UUID(int=1)}", {}),
    ]

    async with _with(app, made["key"]) as program:
        seen = await program.get("/api/auth/me")
        answers = {
            path: (await program.request(method, f"/api/auth/{path}", json=body))
            for method, path, body in changes
        }

    assert seen.json()["display_name"] != "Eve"
    assert {path: answer.status_code for path, answer in answers.items()} == {
        path: 403 for _, path, _ in changes
    }
    assert (await signed_in.get("/api/auth/me")).json() == seen.json()


async def test_key_runs_the_agents_that_it_is_limited_to(
    app: FastAPI, signed_in: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent
) -> None:
    agent, other = await make_agent(actor), await make_agent(actor)
    made = await _make(signed_in, agent_ids=[str(agent.id)])
    body = {"input": {"query": "What?"}}

    async with _with(app, made["key"]) as program:
        mine = await program.post(f"/api/v1/agents/{agent.id}/runs", json=body)
        theirs = await program.post(f"/api/v1/agents/{other.id}/runs", json=body)
        again = await signed_in.post(f"/api/v1/agents/{other.id}/runs", json=body)
        await signed_in.post(f"/api/v1/runs/{again.json()['id']}/stop")
        repeated = await program.post(f"/api/v1/runs/{again.json()['id']}/retry")

    assert mine.is_success, mine.text
    assert (theirs.status_code, theirs.json()["code"]) == (403, "FORBIDDEN")
    assert repeated.status_code == 403


async def test_key_cannot_be_given_more_than_its_user_may_give(
    signed_in: httpx.AsyncClient,
) -> None:
    answer = await signed_in.post(
        KEYS, json={"name": "x", "scopes": ["view_agent", "change_user"]}
    )

    assert answer.status_code == 400
    assert "change_user" in answer.json()["details"]["scopes"][0]


@pytest.mark.parametrize("hours", [0, 2])
async def test_rotated_key_does_the_same_and_the_old_one_ends_after_the_grace(
    services: Services, app: FastAPI, signed_in: httpx.AsyncClient, hours: int
) -> None:
    old = await _make(signed_in, scopes=["view_agent"])
    rotate = f"{KEYS}/{old['view']['id']}/rotate"

    new = (await signed_in.post(rotate, json={"grace_hours": hours})).json()

    assert new["key"] != old["key"]
    assert new["view"]["scopes"] == ["view_agent"]
    async with _with(app, new["key"]) as fresh, _with(app, old["key"]) as former:
        assert (await fresh.get("/api/v1/agents")).status_code == 200
        status = (await former.get("/api/v1/agents")).status_code
        assert status == (200 if hours else 401)
        ended = update(ApiKeyRow).where(col(ApiKeyRow.expires_at).is_not(None))
        async with services.db.transaction() as session:
            await session.exec(
                ended.values(expires_at=clock.now() - timedelta(seconds=1))
            )
        assert (await former.get("/api/v1/agents")).status_code == 401
    again = await signed_in.post(rotate, json={"grace_hours": 1})
    assert again.status_code == 409


@pytest.mark.parametrize("hours", [-1, 24.5])
async def test_grace_is_a_day_at_most(
    signed_in: httpx.AsyncClient, hours: float
) -> None:
    made = await _make(signed_in)

    answer = await signed_in.post(
        f"{KEYS}/{made['view']['id']}/rotate", json={"grace_hours": hours}
    )

    assert answer.status_code == 400
    assert "grace_hours" in answer.json()["details"]


async def test_keys_are_found_by_how_they_begin(signed_in: httpx.AsyncClient) -> None:
    made = [await _make(signed_in) for _ in range(2)]

    async def find(text: str) -> list[str]:
        answer = await signed_in.get(KEYS, params={"q": text})
        return [item["id"] for item in answer.json()["items"]]

    wanted = made[0]["view"]
    assert await find(wanted["prefix"]) == [wanted["id"]]
    assert await find(made[0]["key"]) == [wanted["id"]]
    assert len(await find("LIMIT")) == 2
    assert await find("%") == []
