"""Whole agents at the runtime's `/execute`."""

import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.backend.bootstrap import Services
from app.backend.core import ids
from app.backend.core.actor import Actor, Role
from app.backend.core.run_events import RunStatus
from app.backend.identity import keys, tiers
from app.backend.identity.tables import UserRow
from app.backend.identity.tier_schemas import Limits, PersonLimitsDraft
from app.backend.runs.days import count_today
from tests.factories.rows import MakeAgent, MakeRun, MakeUser
from tests.integration.runtime.conftest import WaitForQueue

STAGES = ["started", "initializing", "retrieving", "generating", "completed"]
SSE = {"Accept": "text/event-stream"}


def body(agent_id: UUID, **fields: Any) -> dict[str, Any]:
    return {"agent_id": str(agent_id), "query": "What is it?", **fields}


async def events(
    client: httpx.AsyncClient, asked: dict[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    kind = ""
    async with client.stream("POST", "/execute", json=asked, headers=SSE) as response:
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((kind, json.loads(line.removeprefix("data: "))))
    return found


async def test_answer_as_json_has_output_and_events(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, model="scripted/echo")

    result = (await client.post("/execute", json=body(agent.id))).json()

    assert (result["status"], result["error"]) == ("completed", "")
    assert "What is it?" in result["output_data"]["answer"]
    assert [
        event["stage"] for event in result["events"] if event["type"] == "stage_changed"
    ] == STAGES


async def test_stream_tells_all_that_happens_and_ends_with_the_result(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, model="scripted/queued")

    *said, (last, result) = await events(client, body(agent.id))

    assert (last, result["status"]) == ("result", "completed")
    assert [event["stage"] for kind, event in said if kind == "stage_changed"] == STAGES
    assert [event["position"] for kind, event in said if kind == "queue_position"] == [
        2,
        1,
    ]
    text = "".join(event["text"] for kind, event in said if kind == "message_delta")
    assert text == result["output_data"]["answer"] == "It was my turn."


async def test_question_may_come_in_the_input(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, model="scripted/echo")
    asked = {"agent_id": str(agent.id), "input_data": {"query": "From the input?"}}

    result = (await client.post("/execute", json=asked)).json()

    assert "From the input?" in result["output_data"]["answer"]


@pytest.mark.parametrize(
    ("script", "code"),
    [("overflow", "context_length_exceeded"), ("error", "SERVICE_UNAVAILABLE")],
)
async def test_model_that_fails_is_a_failed_run_with_its_reason(
    client: httpx.AsyncClient,
    actor: Actor,
    make_agent: MakeAgent,
    script: str,
    code: str,
) -> None:
    agent = await make_agent(actor, model=f"scripted/{script}")

    result = (await client.post("/execute", json=body(agent.id))).json()

    assert (result["status"], result["code"]) == ("failed", code)
    assert result["error"].endswith(".")


@pytest.mark.parametrize("headers", [{}, SSE])
async def test_agent_of_somebody_else_is_not_there(
    client: httpx.AsyncClient,
    other_actor: Actor,
    make_agent: MakeAgent,
    headers: dict[str, str],
) -> None:
    agent = await make_agent(other_actor)

    foreign = await client.post("/execute", json=body(agent.id), headers=headers)
    absent = await client.post("/execute", json=body(ids.new_id()), headers=headers)

    assert (foreign.status_code, absent.status_code) == (404, 404)
    assert foreign.json()["error"] == absent.json()["error"] == "Resource not found"


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"agent_id": "x"},
        {"query": 1},
        {"history": {}},
        {"query": "", "input_data": {}},
    ],
)
async def test_body_that_is_wrong_says_where(
    client: httpx.AsyncClient,
    actor: Actor,
    make_agent: MakeAgent,
    asked: dict[str, Any],
) -> None:
    agent = await make_agent(actor)
    complete = body(agent.id) if asked else {}

    response = await client.post("/execute", json={**complete, **asked})

    assert response.status_code == 400
    assert response.json()["error"] == "Validation failed"


async def test_key_of_a_viewer_starts_nothing(
    client: httpx.AsyncClient,
    services: Services,
    make_user: MakeUser,
    make_agent: MakeAgent,
) -> None:
    viewer = await make_user(role=Role.USER)
    agent = await make_agent(viewer)
    async with services.db.transaction() as session:
        key = (await keys.create_key(session, viewer, name="k")).key
    async with services.db.transaction() as session:
        row = await session.get(UserRow, viewer.user_id)
        assert row is not None
        row.role = Role.VIEWER

    response = await client.post(
        "/execute", json=body(agent.id), headers={"Authorization": f"Bearer {key}"}
    )

    assert response.status_code == 403


async def test_internal_token_acts_for_the_owner_of_a_running_run(
    client: httpx.AsyncClient,
    services: Services,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    make_run: MakeRun,
) -> None:
    headers = {"Authorization": f"Bearer {services.keyring.token('runtime')}"}
    agent = await make_agent(actor, model="scripted/hello")
    mine = await make_run(actor, agent=agent, status=RunStatus.RUNNING)
    foreign = await make_run(other_actor, status=RunStatus.RUNNING)
    over = await make_run(actor, agent=agent, status=RunStatus.COMPLETED)

    async def status(run_id: UUID | None) -> int:
        asked = body(agent.id, run_id=str(run_id)) if run_id else body(agent.id)
        return (await client.post("/execute", json=asked, headers=headers)).status_code

    assert await status(mine.id) == 200
    assert await status(foreign.id) == 404
    assert await status(over.id) == 404
    assert await status(ids.new_id()) == 404
    assert await status(None) == 403


async def test_caller_who_leaves_ends_the_run(
    client: httpx.AsyncClient,
    actor: Actor,
    make_agent: MakeAgent,
    wait_for_queue: WaitForQueue,
) -> None:
    agent = await make_agent(actor, model="local/smollm2-135m", max_tokens=1500)
    asked = body(agent.id, query="Write a very long story about a fox and a bear.")
    async with client.stream("POST", "/execute", json=asked, headers=SSE) as response:
        async for line in response.aiter_lines():
            if line == "event: message_delta":
                break

    await wait_for_queue(0)


async def test_what_others_run_here_counts_on_their_tier(
    client: httpx.AsyncClient, services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, model="scripted/echo")
    async with services.db.transaction() as session:
        draft = PersonLimitsDraft(own=Limits(runs_per_day=1, requests_per_minute=3))
        await tiers.set_person_limits(
            session, actor, user_id=actor.user_id, draft=draft
        )

    answers = [
        await client.post("/execute", json=body(asked))
        for asked in (ids.new_id(), agent.id, agent.id, agent.id)
    ]

    assert [(answer.status_code, answer.json().get("code")) for answer in answers] == [
        (404, None),
        (200, ""),
        (429, "RUNS_OF_DAY_USED"),
        (429, "REQUEST_LIMIT"),
    ]
    async with services.db.read() as session:
        assert await count_today(session, actor.user_id) == 1


async def test_run_of_this_installation_is_counted_where_it_began(
    internal: httpx.AsyncClient,
    services: Services,
    actor: Actor,
    make_agent: MakeAgent,
    make_run: MakeRun,
) -> None:
    agent = await make_agent(actor, model="scripted/echo")
    run = await make_run(actor, agent_id=agent.id, status=RunStatus.RUNNING)

    answer = await internal.post("/execute", json=body(agent.id, run_id=str(run.id)))

    assert answer.json()["status"] == "completed"
    async with services.db.read() as session:
        assert await count_today(session, actor.user_id) == 0
