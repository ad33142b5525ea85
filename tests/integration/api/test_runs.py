"""Runs over HTTP: started, followed, stopped, downloaded."""

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.identity import sessions
from tests.factories.rows import MakeAgent, MakeRun
from tests.processes import Fork

QUESTION = {"input": {"query": "What is salt?"}}


async def _start(client: httpx.AsyncClient, agent_id: object, **body: Any) -> str:
    answer = await client.post(
        f"/api/v1/agents/{agent_id}/runs", json={**QUESTION, **body}
    )
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


async def _events(client: httpx.AsyncClient, run_id: str, **headers: str) -> list[Any]:
    answer = await client.get(
        f"/api/v1/runs/{run_id}/events",
        headers={"Accept": "text/event-stream", **headers},
    )
    assert answer.headers["content-type"].startswith("text/event-stream")
    return [
        json.loads(line.removeprefix("data: "))
        for line in answer.text.splitlines()
        if line.startswith("data: ")
    ]


async def test_run_goes_to_its_end(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent, worker: Fork
) -> None:
    agent = await make_agent(actor)
    run_id = await _start(client, agent.id)

    events = await _events(client, run_id)
    run = (await client.get(f"/api/v1/runs/{run_id}")).json()

    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["type"] == "run_queued"
    assert events[-1]["type"] == "run_completed"
    assert set(events[0]) == {"run_id", "seq", "ts", "type", "payload"}
    assert run["status"] == "completed"
    assert run["output"]["answer"]
    assert run["agent_id"] == str(agent.id)


async def test_log_is_read_in_pages_filtered_and_downloaded(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent, worker: Fork
) -> None:
    run_id = await _start(client, (await make_agent(actor)).id)
    events = await _events(client, run_id)
    path = f"/api/v1/runs/{run_id}/events"

    first = (await client.get(f"{path}?after=0&limit=2")).json()
    older = (await client.get(f"{path}?before=3&limit=1")).json()
    stages = (await client.get(f"{path}?type=stage_changed")).json()
    found = (await client.get(f"{path}?q=salt")).json()
    matched = (await client.get(f"{path}?q=s[a-z]%2Bt&regex=true")).json()
    cased = (await client.get(f"{path}?q=SALT&case=true")).json()
    wrong = await client.get(f"{path}?q=(&regex=true")
    between = {"since": events[1]["ts"], "until": events[3]["ts"]}
    timed = (await client.get(path, params=between)).json()

    assert (first["items"], first["has_more"]) == (events[:2], True)
    assert (older["items"], older["has_more"]) == (events[1:2], True)
    assert {event["type"] for event in stages["items"]} == {"stage_changed"}
    assert found["items"][0]["type"] == "run_queued"
    assert found["items"] == [
        event for event in matched["items"] if event in found["items"]
    ]
    assert cased == {"items": [], "has_more": False, "next_seq": None}
    assert (first["next_seq"], older["next_seq"]) == (2, 2)
    assert (wrong.status_code, list(wrong.json()["details"])) == (400, ["q"])
    assert timed["items"] == [
        event for event in events if between["since"] <= event["ts"] <= between["until"]
    ]


async def test_log_is_downloaded_in_each_format(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent, worker: Fork
) -> None:
    run_id = await _start(client, (await make_agent(actor)).id)
    events = await _events(client, run_id)
    path = f"/api/v1/runs/{run_id}/log"

    lines = await client.get(path)
    stages = await client.get(path, params={"type": "stage_changed"})
    text = await client.get(path, params={"format": "text", "q": "salt"})
    trace = await client.get(path, params={"format": "otlp"})
    wrong = await client.get(path, params={"q": "(", "regex": "true"})

    assert [json.loads(line) for line in lines.text.splitlines()] == events
    assert lines.headers["content-disposition"].endswith(f'run-{run_id}.jsonl"')
    assert stages.text.count("\n") == stages.text.count('"type":"stage_changed"') > 2
    assert "[PROGRESS] queued: waiting for a worker" in text.text
    assert "completed: Done." not in text.text
    assert text.headers["content-disposition"].endswith(f'run-{run_id}.txt"')
    spans = trace.json()["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert spans[-1]["name"].startswith("invoke_agent ")
    assert (wrong.status_code, list(wrong.json()["details"])) == (400, ["q"])


async def test_stream_goes_on_after_the_last_id(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent, worker: Fork
) -> None:
    run_id = await _start(client, (await make_agent(actor)).id)
    events = await _events(client, run_id)

    rest = await _events(client, run_id, **{"Last-Event-ID": "3"})
    over = await client.get(
        f"/api/v1/runs/{run_id}/events",
        headers={"Accept": "text/event-stream", "Last-Event-ID": str(len(events))},
    )

    assert rest == events[3:]
    assert over.status_code == 204


@pytest.mark.parametrize("last_id", ["x", "-1", "9" * 40, "1.5"])
async def test_wrong_last_id_is_refused(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent, last_id: str
) -> None:
    run_id = await _start(client, (await make_agent(actor)).id)

    answer = await client.get(
        f"/api/v1/runs/{run_id}/events",
        headers={"Accept": "text/event-stream", "Last-Event-ID": last_id},
    )

    assert answer.status_code == 400


async def test_run_is_stopped_and_retried(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent
) -> None:
    run_id = await _start(client, (await make_agent(actor)).id)
    early = await client.post(f"/api/v1/runs/{run_id}/retry")
    stopped = await client.post(f"/api/v1/runs/{run_id}/stop")
    again = await client.post(f"/api/v1/runs/{run_id}/stop")
    retried = await client.post(f"/api/v1/runs/{run_id}/retry")
    listed = await client.get("/api/v1/runs?status=stopped")

    assert (early.status_code, early.json()["code"]) == (409, "CONFLICT")
    assert stopped.json()["status"] == again.json()["status"] == "stopped"
    assert (retried.status_code, retried.json()["status"]) == (202, "queued")
    assert [run["id"] for run in listed.json()["items"]] == [run_id]


async def test_idempotency_key_starts_one_run(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent
) -> None:
    path = f"/api/v1/agents/{(await make_agent(actor)).id}/runs"
    key = {"Idempotency-Key": "monday's report"}

    answers = [await client.post(path, json=QUESTION, headers=key) for _ in range(2)]

    assert answers[0].json()["id"] == answers[1].json()["id"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"input": "text"},
        {"input": []},
        {"input": {}},
        {"input": {"query": 5}},
        {"input": {"query": "  "}},
        {"input": {"query": "x" * 30_000}},
        {"input": {"query": "x", "more": "\x00"}},
        {"input": {"query": "x"}, "thread_id": "no-id"},
    ],
)
async def test_bad_input_is_refused_in_words(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent, body: Any
) -> None:
    agent = await make_agent(actor)

    answer = await client.post(f"/api/v1/agents/{agent.id}/runs", json=body)

    assert answer.status_code == 400
    assert answer.json()["error"] == "Validation failed"
    assert all(
        text.endswith(".")
        for texts in answer.json()["details"].values()
        for text in texts
    )


async def _megabytes(count: int) -> AsyncGenerator[bytes, None]:
    for _ in range(count):
        yield b" " * 1024 * 1024


async def test_huge_body_is_refused_whole_or_in_pieces(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent
) -> None:
    path = f"/api/v1/agents/{(await make_agent(actor)).id}/runs"
    json_type = {"Content-Type": "application/json"}
    whole = await client.post(path, content=b" " * 2**21, headers=json_type)
    pieces = await client.post(path, content=_megabytes(3), headers=json_type)

    for answer in (whole, pieces):
        assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")
        assert "1,048,576 bytes" in answer.json()["message"]


async def test_numbers_beyond_every_database_are_refused(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent
) -> None:
    run_id = await _start(client, (await make_agent(actor)).id)

    for query in (f"after={9**30}", f"before={9**30}", "limit=1001", "cursor=x"):
        answer = await client.get(f"/api/v1/runs/{run_id}/events?{query}")
        listed = await client.get(f"/api/v1/runs?{query}")
        assert 400 in (answer.status_code, listed.status_code), query


@pytest.mark.usefixtures("logins_are_checked_often")
async def test_stream_ends_soon_after_the_login(
    served: str,
    services: Services,
    signed_in: httpx.AsyncClient,
    actor: Actor,
    make_agent: MakeAgent,
) -> None:
    agent = await make_agent(actor)
    run = await signed_in.post(f"/api/v1/agents/{agent.id}/runs", json=QUESTION)
    headers = {
        "Accept": "text/event-stream",
        "Cookie": signed_in.headers["Cookie"],
    }
    url = f"{served}/api/v1/runs/{run.json()['id']}/events"
    async with (
        httpx.AsyncClient(headers=headers, timeout=20) as client,
        client.stream("GET", url) as answer,
    ):
        lines = answer.aiter_lines()
        assert await anext(lines) == "retry: 1000"
        async with services.db.transaction() as session:
            found = await sessions.list_sessions(session, actor)
            await sessions.revoke_session(session, actor, session_id=found[0].id)
        async with asyncio.timeout(8):
            rest = [line async for line in lines]

    assert "event: run_queued" in rest
    assert "id: 1" in rest


async def test_foreign_runs_cannot_be_followed(
    client: httpx.AsyncClient,
    other_client: httpx.AsyncClient,
    actor: Actor,
    make_agent: MakeAgent,
) -> None:
    run_id = await _start(client, (await make_agent(actor)).id)

    for path in ("", "/events", "/log"):
        answer = await other_client.get(
            f"/api/v1/runs/{run_id}{path}", headers={"Accept": "text/event-stream"}
        )
        assert answer.status_code == 404
        assert answer.json() == {
            "error": "Resource not found",
            "resource": "run",
            "id": run_id,
        }


async def test_too_many_runs_are_answered_with_when_to_come_back(
    app: FastAPI,
    services: Services,
    client: httpx.AsyncClient,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    make_run: MakeRun,
) -> None:
    agent = await make_agent(actor)
    ended = await make_run(actor, agent=agent, status=RunStatus.FAILED)
    await make_run(other_actor)
    one = services.settings.model_copy(update={"runs_active_max": 1})
    app.state.services = replace(services, settings=one)

    answers = [
        await client.post(f"/api/v1/agents/{agent.id}/runs", json=QUESTION),
        await client.post(f"/api/v1/runs/{ended.id}/retry"),
    ]

    assert [answer.status_code for answer in answers] == [429, 429]
    assert [answer.headers["Retry-After"] for answer in answers] == ["10", "10"]
    assert "stop one of yours" in answers[0].json()["message"]


async def test_batch_starts_a_run_for_each_input(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent
) -> None:
    address = f"/api/v1/agents/{(await make_agent(actor)).id}/runs/batch"
    body = {"runs": [QUESTION, {"input": {"query": "And pepper?"}, "tags": ["b"]}]}
    key = {"Idempotency-Key": "night-1"}

    first = await client.post(address, json=body, headers=key)
    again = await client.post(address, json=body, headers=key)
    none = await client.post(address, json={"runs": []})
    wrong = await client.post(address, json={"runs": [{"input": {"query": 7}}]})

    assert first.status_code == 202
    items = first.json()["items"]
    assert [run["input"]["query"] for run in items] == ["What is salt?", "And pepper?"]
    assert [run["id"] for run in again.json()["items"]] == [run["id"] for run in items]
    assert (none.status_code, wrong.status_code) == (400, 400)
    assert "Run 1 of the batch" in wrong.text
