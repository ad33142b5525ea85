"""What the scheduler puts right: lost workers, lost jobs, lost schedulers."""

import asyncio
from datetime import timedelta

import pytest
from rq import Queue

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core import redis as redis_names
from app.backend.core.actor import Actor
from app.backend.core.jobs import QueueName
from app.backend.core.redis import connect_blocking
from app.backend.core.run_events import RunStatus
from app.backend.core.settings import Settings
from app.backend.runs import executor, recovery
from app.backend.runs.recovery import RunRecovery
from app.workers.scheduler import Scheduler
from tests.factories.rows import MakeAgent, MakeRun
from tests.parts import wait_until
from tests.processes import Fork, ForkServer
from tests.runs import Runs, assert_log_is_whole

NOW = timedelta(0)


@pytest.fixture
def sweeper(services: Services, monkeypatch: pytest.MonkeyPatch) -> RunRecovery:
    """A sweeper that does not wait for workers that are only slow."""
    monkeypatch.setattr(recovery, "SILENCE_SECONDS", 0.0)
    return RunRecovery(
        services.db, services.redis, services.outbox, services.checkpoints
    )


def _queued(settings: Settings) -> list[str]:
    with connect_blocking(settings.redis_url) as redis:
        return Queue(QueueName.RUNS, connection=redis).job_ids


async def test_silent_worker_ends_its_run_as_failed(
    sweeper: RunRecovery, make_run: MakeRun, actor: Actor, runs: Runs
) -> None:
    silent = await make_run(
        actor,
        status=RunStatus.RUNNING,
        epoch=1,
        lease_until=clock.now() - timedelta(seconds=1),
    )
    alive = await make_run(
        actor,
        status=RunStatus.RUNNING,
        epoch=1,
        lease_until=clock.now() + timedelta(minutes=1),
    )

    assert await sweeper.end_lost() == 1
    assert await sweeper.end_lost() == 0

    run = await runs.get(silent.id)
    assert run.status == RunStatus.FAILED
    assert "Press Retry" in run.error
    assert_log_is_whole(await runs.events(silent.id))
    assert (await runs.get(alive.id)).status == RunStatus.RUNNING


async def test_worker_that_is_only_slow_keeps_its_run(
    services: Services, make_run: MakeRun, actor: Actor, runs: Runs
) -> None:
    row = await make_run(
        actor,
        status=RunStatus.RUNNING,
        epoch=1,
        lease_until=clock.now() - timedelta(seconds=1),
    )
    sweeper = RunRecovery(
        services.db, services.redis, services.outbox, services.checkpoints
    )

    assert await sweeper.end_lost() == 0

    assert (await runs.get(row.id)).status == RunStatus.RUNNING


async def test_run_whose_job_was_lost_is_queued_again(
    sweeper: RunRecovery,
    services: Services,
    actor: Actor,
    make_agent: MakeAgent,
    runs: Runs,
) -> None:
    run = await runs.start((await make_agent(actor)).id)
    await services.outbox.settle()
    assert await sweeper.queue_again(older_than=NOW) == 0
    await services.redis.flushdb()

    assert await sweeper.queue_again(older_than=NOW) == 1
    assert await sweeper.queue_again(older_than=NOW) == 0

    assert _queued(services.settings) == [f"run-{run.id}-2"]
    assert (await runs.get(run.id)).status == RunStatus.QUEUED


@pytest.mark.parametrize(
    ("attempt", "status"), [(2, RunStatus.QUEUED), (3, RunStatus.FAILED)]
)
async def test_run_cut_off_by_shutdowns_has_so_many_attempts(
    services: Services,
    actor: Actor,
    make_agent: MakeAgent,
    runs: Runs,
    make_run: MakeRun,
    attempt: int,
    status: RunStatus,
) -> None:
    agent = await make_agent(actor, model="scripted/rate-40")
    row = await make_run(actor, agent=agent, attempt=attempt - 1)
    shutdown = asyncio.Event()
    shutdown.set()

    await executor.execute_run(services, row.id, worker="one", shutdown=shutdown)

    run = await runs.get(row.id)
    assert (run.status, run.attempt) == (status, attempt)
    began = (await runs.events(row.id))[0]
    assert began.payload["attempts_max"] == 3
    assert ("Press Retry" in run.error) is (status == RunStatus.FAILED)


async def test_one_of_two_schedulers_is_active_and_the_other_takes_over(
    services: Services,
) -> None:
    first, second = Scheduler(services), Scheduler(services)
    ends = asyncio.Event(), asyncio.Event()
    key = redis_names.lock("scheduler")
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        running = group.create_task(first.run(ends[0]))
        owner = await _holder(services, key)
        group.create_task(second.run(ends[1]))
        assert await _holder(services, key) == owner
        ends[0].set()
        await running
        taken_over = await _holder(services, key)
        ends[1].set()
    assert owner != taken_over
    assert await services.redis.get(key) is None


async def test_scheduler_finds_what_was_lost(
    services: Services,
    settings: Settings,
    actor: Actor,
    make_run: MakeRun,
    runs: Runs,
    scheduler: Fork,
    fork_server: ForkServer,
) -> None:
    row = await make_run(
        actor,
        status=RunStatus.RUNNING,
        epoch=1,
        lease_until=clock.now() - timedelta(seconds=1),
    )

    run = await runs.wait(row.id)
    scheduler.stop()

    assert run.status == RunStatus.FAILED
    wait_until(lambda: not scheduler.is_running(), seconds=5, what="The end")
    assert "Traceback" not in scheduler.read_log()


async def _holder(services: Services, key: str) -> str:
    while True:
        holder = await services.redis.get(key)
        if holder is not None:
            return holder
