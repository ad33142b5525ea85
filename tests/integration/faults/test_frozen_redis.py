"""Redis takes connections and answers nothing, as on a machine that swaps or behind a line that is gone."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import aclosing
from uuid import UUID

import pytest

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor, Role
from app.backend.core.run_events import RunEvent, RunStatus
from app.backend.core.settings import Settings
from app.backend.runs.executor import execute_run
from tests.factories.rows import RowFactory
from tests.runs import Runs, assert_log_is_whole
from tests.stack import Stack

PATIENCE_SECONDS = 15


@pytest.fixture
def frozen_redis(stack: Stack) -> Iterator[None]:
    """The Redis of the session, which goes on after the test."""
    os.kill(stack.redis.pid, signal.SIGSTOP)
    yield
    os.kill(stack.redis.pid, signal.SIGCONT)


async def _watch(services: Services, run_id: UUID) -> list[RunEvent]:
    seen: list[RunEvent] = []
    async with aclosing(services.feed.follow(run_id)) as batches:
        async for batch in batches:
            seen += batch
    return seen


@pytest.mark.usefixtures("frozen_redis")
async def test_run_is_started_carried_out_stopped_and_watched_without_redis(
    settings: Settings,
) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with bootstrap.build(settings) as services:
            rows = RowFactory(services.db)
            actor: Actor = await rows.user(role=Role.ADMIN)
            agent = await rows.agent(actor, model="scripted/hello")
            runs = Runs(services, actor)
            run = await runs.start(agent.id)
            other = await runs.start(agent.id)
            watching = asyncio.create_task(_watch(services, run.id))
            await execute_run(services, run.id, worker="here", shutdown=asyncio.Event())
            seen = await watching
            stopped = await runs.stop(other.id)
            events = await runs.events(run.id)

    assert stopped.status == RunStatus.STOPPED
    assert seen == events
    assert events[-1].type == "run_completed"
    assert_log_is_whole(events)
