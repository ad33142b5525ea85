"""One id from a request to the last line that is logged for its run."""

import asyncio
from uuid import UUID, uuid4

import httpx
import pytest
import structlog
from sqlmodel import col, update
from structlog.testing import capture_logs

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
