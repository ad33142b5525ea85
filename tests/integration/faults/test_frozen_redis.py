"""Redis takes connections and answers nothing, as on a machine that swaps or behind a line that is gone."""

import asyncio
import os
import signal
from collections.abc import Generator, Iterator
from contextlib import aclosing, contextmanager
from uuid import UUID

import pytest

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor, Role
from app.backend.core.run_events import RunStatus
from app.backend.core.settings import Settings
from app.backend.core.stored_events import RunEvent
from app.backend.runs import beginning
from app.backend.runs.executor import execute_run
from app.backend.runs.upkeep import StandIn, make_recovery
from app.workers.scheduler import Scheduler
from tests.factories.rows import RowFactory
from tests.runs import Runs, assert_log_is_whole
from tests.stack import Stack

PATIENCE_SECONDS = 15
# Long enough to be cut off in the middle, and no longer.
TALKS = 'scripted/{"tokens": 40, "tokens_per_second": 20}'


@contextmanager
def _frozen(stack: Stack) -> Generator[None]:
    os.kill(stack.redis.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(stack.redis.pid, signal.SIGCONT)


@pytest.fixture
def frozen_redis(stack: Stack) -> Iterator[None]:
    """The Redis of the session, which goes on after the test."""
    with _frozen(stack):
        yield


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


@pytest.mark.usefixtures("frozen_redis")
async def test_run_whose_steps_are_kept_in_redis_goes_on_without_them(
    settings: Settings,
) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        changes = {"checkpointer": "redis"}
        async with bootstrap.build(settings.model_copy(update=changes)) as services:
            runs, run_id = await _start(services, "scripted/hello")
            await _execute(services, run_id)
            ended, events = await runs.get(run_id), await runs.events(run_id)

    assert ended.status == RunStatus.COMPLETED
    assert ("warning", beginning.WITHOUT_STORE) in _logged(events)


async def test_run_goes_on_when_its_steps_can_no_longer_be_kept_in_redis(
    settings: Settings, stack: Stack
) -> None:
    changes = {"checkpointer": "redis"}
    async with bootstrap.build(settings.model_copy(update=changes)) as services:
        runs, run_id = await _start(services, TALKS)
        executing = asyncio.create_task(_execute(services, run_id))
        await runs.wait_for_event(run_id, "message_delta")
        with _frozen(stack):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await executing
                ended, events = await runs.get(run_id), await runs.events(run_id)

    assert ended.status == RunStatus.COMPLETED
    assert ("warning", beginning.STORE_LOST) in _logged(events)


async def test_upkeep_does_not_wait_for_redis(settings: Settings, stack: Stack) -> None:
    async with bootstrap.build(settings) as services:
        await _start(services, "scripted/hello")
        scheduler, stand_in = Scheduler(services), StandIn(services)
        await services.redis.execute_command("PING")
        with _frozen(stack):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await stand_in.look()
                with pytest.raises(TimeoutError):
                    await make_recovery(services).queue_again()
                shutdown = asyncio.Event()
                shutdown.set()
                await scheduler.run(shutdown)


async def _start(services: Services, model: str) -> tuple[Runs, UUID]:
    rows = RowFactory(services.db)
    actor: Actor = await rows.user(role=Role.ADMIN)
    agent = await rows.agent(actor, model=model)
    runs = Runs(services, actor)
    return runs, (await runs.start(agent.id)).id


async def _execute(services: Services, run_id: UUID) -> None:
    await execute_run(services, run_id, worker="here", shutdown=asyncio.Event())


def _logged(events: list[RunEvent]) -> list[tuple[str, str]]:
    return [
        (event.level.value, event.message)
        for event in (stored.event() for stored in events)
        if event.type == "log"
    ]
