"""One id from a request to the last line that is logged for its run."""

import asyncio
import json
from uuid import UUID, uuid4

import httpx
import pytest
import structlog
from sqlmodel import col, update
from structlog.testing import capture_logs

from app.backend.agents.schemas import AgentKind
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.runs import executor
from app.backend.runs.tables import RunRow
from tests.factories.rows import MakeAgent
from tests.runs import Runs

QUESTION = {"input": {"query": "What is this?"}}


@pytest.mark.parametrize("header", ["X-Correlation-Id", "X-Request-Id"])
async def test_run_keeps_the_id_of_its_request(
    client: httpx.AsyncClient, actor: Actor, make_agent: MakeAgent, header: str
) -> None:
    agent = await make_agent(actor)
    asked = uuid4()

    answer = await client.post(
        f"/api/v1/agents/{agent.id}/runs", json=QUESTION, headers={header: asked.hex}
    )

    assert answer.json()["correlation_id"] == str(asked)
    assert answer.json()["created_by_user_id"] == str(actor.user_id)
    assert answer.headers["X-Correlation-Id"] == str(asked)


async def test_what_is_no_id_gets_one(client: httpx.AsyncClient) -> None:
    for text in ("", "x" * 5000, "not-a-uuid", "' OR 1=1"):
        answer = await client.get("/api/v1/runs", headers={"X-Request-Id": text})
        given = UUID(answer.headers["X-Correlation-Id"])
        assert given.version == 7


async def test_lines_of_a_worker_carry_the_id(
    services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    runs = Runs(services, actor)
    agent = await make_agent(actor, model="scripted/rate-40")
    run = await runs.start(agent.id)
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        working = asyncio.create_task(
            executor.execute_run(
                services, run.id, worker="test", shutdown=asyncio.Event()
            )
        )
        await runs.wait_for_event(run.id, "message_delta")
        async with services.db.transaction() as session:
            await session.exec(
                update(RunRow)
                .where(col(RunRow.id) == run.id)
                .values(epoch=col(RunRow.epoch) + 1)
            )
        await working

    (line,) = [line for line in lines if line["event"] == "run_lease_lost"]
    assert line["correlation_id"] == str(run.correlation_id)
    assert line["run_id"] == str(run.id)
    assert "correlation_id" not in structlog.contextvars.get_contextvars()


async def test_run_shows_the_checkpoint_it_would_go_on_from(
    client: httpx.AsyncClient,
    services: Services,
    actor: Actor,
    make_agent: MakeAgent,
) -> None:
    runs = Runs(services, actor)
    agent = await make_agent(actor, model="scripted/error")
    run = await runs.start(agent.id)
    shutdown = asyncio.Event()
    await executor.execute_run(services, run.id, worker="test", shutdown=shutdown)

    found = (await client.get(f"/api/v1/runs/{run.id}")).json()

    assert found["checkpoint_ns"] == f"{run.id}:1"
    assert found["checkpoint_id"]


async def test_runs_below_a_run_keep_the_id_to_their_last_event(
    client: httpx.AsyncClient,
    services: Services,
    actor: Actor,
    make_agent: MakeAgent,
) -> None:
    asks = {"kind": AgentKind.TOOLS, "tools": ["run_agent"]}
    await make_agent(actor, name="helper", model="scripted/hello")
    middle = await make_agent(actor, name="middle", model="scripted/delegates", **asks)
    call = {"name": "run_agent", "args": {"agent": str(middle.id), "question": "Go."}}
    replies = {"replies": [{"tool_calls": [call]}, {"text": "{told}"}]}
    first = await make_agent(actor, model=f"scripted/{json.dumps(replies)}", **asks)
    asked = uuid4()

    answer = await client.post(
        f"/api/v1/agents/{first.id}/runs",
        json=QUESTION,
        headers={"X-Correlation-Id": str(asked)},
    )
    run_id = answer.json()["id"]
    for _ in range(5):  # two of them wait first
        await executor.execute_run(
            services, UUID(run_id), worker="test", shutdown=asyncio.Event()
        )

    tree = (await client.get(f"/api/v1/runs/{run_id}/tree")).json()
    assert tree["root_id"] == run_id
    assert [(item["depth"], item["status"]) for item in tree["items"]] == [
        (0, "completed"),
        (1, "completed"),
        (2, "completed"),
    ]
    assert [item["parent_id"] for item in tree["items"]] == [
        None,
        *[item["id"] for item in tree["items"][:2]],
    ]
    for item in tree["items"]:
        run = (await client.get(f"/api/v1/runs/{item['id']}")).json()
        assert run["correlation_id"] == str(asked)
        trace = await client.get(
            f"/api/v1/runs/{item['id']}/log", params={"format": "otlp"}
        )
        spans = trace.json()["resourceSpans"][0]["scopeSpans"][0]["spans"]
        assert {span["traceId"] for span in spans} == {asked.hex}
