"""A model that does not let go when its run is stopped: what it took is counted in the run as it is in the usage."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, func, select

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.runs import executor
from app.backend.usage.tables import UsageRecordRow
from tests.factories.rows import MakeAgent
from tests.runs import Runs

run_agent = executor.run_agent


@pytest.fixture
async def stubborn(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[None, None]:
    """Agents that go on speaking when they are told to stop, until the test ends."""
    speaking: list[asyncio.Task[Any]] = []
    is_over = asyncio.Event()

    async def speak(*args: Any) -> Any:
        speaking.append(asyncio.create_task(run_agent(*args)))
        try:
            return await asyncio.shield(speaking[0])
        except asyncio.CancelledError:
            await is_over.wait()
            raise

    monkeypatch.setattr(executor, "run_agent", speak)
    yield
    is_over.set()
    for task in speaking:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.usefixtures("stubborn")
async def test_what_a_model_that_goes_on_took_is_in_the_row_of_its_run(
    services: Services, actor: Actor, make_agent: MakeAgent, runs: Runs
) -> None:
    agent = await make_agent(actor, model="scripted/rate-40")
    started = await runs.start(agent.id)
    working = asyncio.create_task(
        executor.execute_run(
            services, started.id, worker="here", shutdown=asyncio.Event()
        )
    )

    await runs.wait_for_event(started.id, "message_delta")
    await runs.stop(started.id)
    await working

    run = await runs.get(started.id)
    assert run.status == RunStatus.STOPPED
    used = await _used(services, started.id)
    assert min(used) > 0
    assert (run.tokens_in, run.tokens_out) == used


async def _used(services: Services, run_id: UUID) -> tuple[int, int]:
    row = UsageRecordRow
    query = select(func.sum(row.tokens_in), func.sum(row.tokens_out)).where(
        col(row.run_id) == run_id
    )
    async with services.db.read() as session:
        tokens_in, tokens_out = (await session.exec(query)).one()
    return int(tokens_in), int(tokens_out)
