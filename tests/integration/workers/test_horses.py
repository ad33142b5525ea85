"""The horses of a worker: several runs at once, each in its own; one that dies or is replaced costs nobody else anything."""

import os
import signal
from uuid import UUID

import psutil
import pytest

from app.backend.bootstrap import Services
from app.backend.core import redis
from app.backend.core.actor import Actor
from app.backend.core.jobs import JobName, QueueName
from app.backend.core.outbox import OutboxRow
from app.backend.core.run_events import RunStatus
from app.backend.core.settings import Settings
from app.backend.runs.tables import RunRow
from app.workers.horse import slots_of
from tests.factories.rows import MakeAgent
from tests.parts import wait_until
from tests.processes import Fork, ForkServer
from tests.runs import Runs, assert_log_is_whole

# Twenty words a second for some seconds: long enough to be cut off, short enough to be waited for.
TALKS = 'scripted/{"tokens": 60, "tokens_per_second": 20}'
# So long that nobody can mistake the end of a lease for the worker's own eyes.
LEASE_SECONDS = 60.0


@pytest.fixture
def runs(services: Services, actor: Actor) -> Runs:
    return Runs(services, actor)


@pytest.fixture
def worker_settings(settings: Settings) -> Settings:
    changes = {"lease_seconds": LEASE_SECONDS, "worker_drain_seconds": 0.2}
    return settings.model_copy(update=changes | {"worker_jobs_max": 1})


async def horse_of(services: Services, run_id: UUID) -> int:
    async with services.db.read() as session:
        row = await session.get(RunRow, run_id)
    assert row is not None
    return int(row.worker.rpartition(":")[2])


async def test_killed_horse_costs_only_its_own_run_which_goes_on_at_once(
    services: Services,
    worker_settings: Settings,
    fork_server: ForkServer,
    runs: Runs,
    actor: Actor,
    make_agent: MakeAgent,
) -> None:
    agent = await make_agent(actor, model=TALKS)
    worker = fork_server.start("app.workers.worker", worker_settings)
    killed, other = await runs.start(agent.id), await runs.start(agent.id)
    for run in (killed, other):
        await runs.wait_for_event(run.id, "message_delta")
    victim = await horse_of(services, killed.id)

    os.kill(victim, signal.SIGKILL)
    await runs.wait(
        killed.id,
        lambda run: run.attempt == 2 and run.status == RunStatus.RUNNING,
        seconds=10,
    )
    horses = {victim, *[await horse_of(services, run.id) for run in (killed, other)]}

    assert len(horses) == 3
    ended = [await runs.wait(run.id) for run in (killed, other)]
    assert [run.status for run in ended] == [RunStatus.COMPLETED] * 2
    assert [run.attempt for run in ended] == [2, 1]
    for run in ended:
        assert_log_is_whole(await runs.events(run.id))
    wait_until(
        lambda: not any(psutil.pid_exists(pid) for pid in horses),
        seconds=10,
        what="Horses that did their one job leave",
    )
    _end(worker)


async def test_worker_that_is_told_to_end_gives_its_runs_back_without_an_attempt(
    worker_settings: Settings,
    fork_server: ForkServer,
    runs: Runs,
    actor: Actor,
    make_agent: MakeAgent,
) -> None:
    agent = await make_agent(actor, model=TALKS)
    worker = fork_server.start("app.workers.worker", worker_settings)
    started = [await runs.start(agent.id) for _ in range(2)]
    for run in started:
        await runs.wait_for_event(run.id, "message_delta")

    worker.stop(seconds=15)

    waiting = [await runs.get(run.id) for run in started]
    assert [(run.status, run.attempt) for run in waiting] == [(RunStatus.QUEUED, 0)] * 2
    successor = fork_server.start("app.workers.worker", worker_settings)
    ended = [await runs.wait(run.id) for run in started]
    assert [run.status for run in ended] == [RunStatus.COMPLETED] * 2
    assert [run.attempt for run in ended] == [1, 1]
    _end(successor)


async def test_killed_horse_with_several_runs_gives_all_of_them_back(
    services: Services,
    worker_settings: Settings,
    fork_server: ForkServer,
    runs: Runs,
    actor: Actor,
    make_agent: MakeAgent,
) -> None:
    agent = await make_agent(actor, model=TALKS)
    shared = worker_settings.model_copy(
        update={"worker_process_slots": 3, "worker_jobs_max": 100}
    )
    assert slots_of(shared) == 3
    assert slots_of(shared.model_copy(update={"worker_slots": 2})) == 2
    worker = fork_server.start("app.workers.worker", shared)
    # One more than there are slots in the first horse.
    started = [await runs.start(agent.id) for _ in range(4)]
    for run in started:
        await runs.wait_for_event(run.id, "message_delta")
    horses = [await horse_of(services, run.id) for run in started]
    victim = max(set(horses), key=horses.count)

    os.kill(victim, signal.SIGKILL)

    ended = [await runs.wait(run.id) for run in started]
    assert sorted(horses.count(horse) for horse in set(horses)) == [1, 3]
    assert [run.status for run in ended] == [RunStatus.COMPLETED] * 4
    assert [run.attempt for run in ended] == [
        2 if horse == victim else 1 for horse in horses
    ]
    for run in ended:
        assert_log_is_whole(await runs.events(run.id))
    _end(worker)


async def test_horse_with_several_runs_leaves_when_all_have_ended(
    services: Services,
    worker_settings: Settings,
    fork_server: ForkServer,
    runs: Runs,
    actor: Actor,
    make_agent: MakeAgent,
) -> None:
    quick = await make_agent(actor, model="scripted/hello")
    talker = await make_agent(actor, model=TALKS)
    shared = worker_settings.model_copy(update={"worker_process_slots": 2})
    worker = fork_server.start("app.workers.worker", shared)
    long = await runs.start(talker.id)
    await runs.wait_for_event(long.id, "message_delta")
    horse = await horse_of(services, long.id)

    # With that it has worked enough, and takes no more jobs: another one has to.
    first = await runs.wait((await runs.start(quick.id)).id)
    second = await runs.wait((await runs.start(quick.id)).id)

    assert await horse_of(services, first.id) == horse
    assert await horse_of(services, second.id) != horse
    assert (await runs.wait(long.id)).status == RunStatus.COMPLETED
    wait_until(
        lambda: not psutil.pid_exists(horse), seconds=10, what="The horse leaves"
    )
    _end(worker)


async def test_run_of_a_lost_worker_goes_on_without_any_scheduler(
    settings: Settings,
    fork_server: ForkServer,
    runs: Runs,
    actor: Actor,
    make_agent: MakeAgent,
) -> None:
    agent = await make_agent(actor, model=TALKS)
    short = settings.model_copy(update={"lease_seconds": 1.0})
    lost = fork_server.start("app.workers.worker", short)
    run = await runs.start(agent.id)
    await runs.wait_for_event(run.id, "message_delta")
    other = fork_server.start("app.workers.worker", short)

    lost.kill()

    ended = await runs.wait(run.id)
    assert (ended.status, ended.attempt) == (RunStatus.COMPLETED, 2)
    assert_log_is_whole(await runs.events(run.id))
    _end(other)


async def test_horse_that_is_larger_than_it_may_be_does_one_job_all_the_same(
    settings: Settings,
    fork_server: ForkServer,
    runs: Runs,
    actor: Actor,
    make_agent: MakeAgent,
) -> None:
    agent = await make_agent(actor, model="scripted/hello")
    small = settings.model_copy(update={"worker_memory_mb": 1})
    worker = fork_server.start("app.workers.worker", small)

    ended = [await runs.wait((await runs.start(agent.id)).id) for _ in range(2)]

    assert [run.status for run in ended] == [RunStatus.COMPLETED] * 2
    _end(worker)


def _end(worker: Fork) -> None:
    worker.stop()
    assert "Traceback" not in worker.read_log()


async def test_job_that_is_handed_over_twice_fails_nowhere(
    services: Services,
    worker_settings: Settings,
    fork_server: ForkServer,
    runs: Runs,
    actor: Actor,
    make_agent: MakeAgent,
) -> None:
    agent = await make_agent(actor, model=TALKS)
    worker = fork_server.start("app.workers.worker", worker_settings)
    run = await runs.start(agent.id)
    await runs.wait_for_event(run.id, "message_delta")
    horse = await horse_of(services, run.id)

    # As after a crash between the hand-over and its row's deletion. Another horse finds nothing to do, and clears it away.
    key = f"run-{run.id}-1"
    row = OutboxRow(name=JobName.RUN_EXECUTE, key=key, subject_id=str(run.id))
    with redis.connect_blocking(worker_settings.redis_url) as connection:
        services.outbox._enqueue([row])  # pyright: ignore[reportPrivateUsage]
        wait_until(
            lambda: not connection.exists(f"rq:job:{key}"),
            seconds=10,
            what="The second one of the job is done",
        )
        ended = await runs.wait(run.id)
        wait_until(
            lambda: not psutil.pid_exists(horse), seconds=10, what="The horse leaves"
        )
        failed = connection.zcard(f"rq:failed:{QueueName.RUNS}")
        left = connection.exists(f"rq:job:{key}")

    assert ended.status == RunStatus.COMPLETED
    assert_log_is_whole(await runs.events(run.id))
    assert (failed, left) == (0, 0)
    assert "exception raised" not in worker.read_log()
    _end(worker)
