"""What the scheduler puts right: lost workers, lost jobs, lost schedulers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from rq import Queue
from sqlalchemy.exc import OperationalError

from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core import redis as redis_names
from app.backend.core.actor import Actor
from app.backend.core.counts import TOKENS_MAX
from app.backend.core.db import Session
from app.backend.core.jobs import QueueName
from app.backend.core.redis import connect_blocking
from app.backend.core.run_events import (
    Event,
    MessageDelta,
    MessageStarted,
    ModelCall,
    RunStarted,
    RunStatus,
)
from app.backend.core.settings import Settings
from app.backend.core.stored_events import RunEvent
from app.backend.runs import executor, recovery, service
from app.backend.runs.event_log import EventLog
from app.backend.runs.recovery import RunRecovery
from app.backend.runs.schemas import RunFilter
from app.backend.runs.tables import RunRow
from app.backend.usage.recording import RECORDED
from app.workers.scheduler import Scheduler
from tests.factories.rows import MakeAgent, MakeRun
from tests.parts import wait_until
from tests.processes import Fork, ForkServer
from tests.runs import Runs, assert_log_is_whole

NOW = timedelta(0)


@pytest.fixture
def patient(services: Services) -> RunRecovery:
    """A sweeper as the scheduler has it."""
    return RunRecovery(
        services.db,
        services.redis,
        services.outbox,
        services.settings.run_attempts_max,
    )


@pytest.fixture
def sweeper(patient: RunRecovery, monkeypatch: pytest.MonkeyPatch) -> RunRecovery:
    """A sweeper that does not wait for workers that are only slow."""
    monkeypatch.setattr(recovery, "SILENCE_SECONDS", 0.0)
    return patient


def _queued(settings: Settings) -> list[str]:
    with connect_blocking(settings.redis_url) as redis:
        return Queue(QueueName.RUNS, connection=redis).job_ids


async def _silent(make_run: MakeRun, actor: Actor, **values: Any) -> RunRow:
    past = clock.now() - timedelta(seconds=1)
    return await make_run(
        actor, status=RunStatus.RUNNING, epoch=1, lease_until=past, **values
    )


async def test_run_of_a_silent_worker_is_queued_again(
    sweeper: RunRecovery, make_run: MakeRun, actor: Actor, runs: Runs
) -> None:
    silent = await _silent(make_run, actor, attempt=2)
    alive = await make_run(
        actor,
        status=RunStatus.RUNNING,
        epoch=1,
        lease_until=clock.now() + timedelta(minutes=1),
    )

    assert await sweeper.recover_lost() == 1
    assert await sweeper.recover_lost() == 0

    assert (await runs.get(silent.id)).status == RunStatus.QUEUED
    assert (await runs.get(alive.id)).status == RunStatus.RUNNING


async def test_run_that_lost_as_many_workers_as_it_may_fails_and_is_listed_as_dead(
    services: Services,
    sweeper: RunRecovery,
    make_run: MakeRun,
    actor: Actor,
    runs: Runs,
) -> None:
    lost = await _silent(make_run, actor, attempt=3)
    await make_run(actor, status=RunStatus.FAILED)

    assert await sweeper.recover_lost() == 1

    run = await runs.get(lost.id)
    assert (run.status, run.error_code) == (RunStatus.FAILED, "WORKER_LOST")
    assert "3 workers were lost" in run.error
    assert_log_is_whole(await runs.events(lost.id))
    async with services.db.read() as session:
        dead = await service.list_runs(session, actor, wanted=RunFilter(is_dead=True))
    assert [item.id for item in dead.items] == [lost.id]


async def test_lost_run_that_was_asked_to_stop_is_stopped(
    sweeper: RunRecovery, make_run: MakeRun, actor: Actor, runs: Runs
) -> None:
    lost = await _silent(make_run, actor, attempt=1, stop_requested_at=clock.now())

    assert await sweeper.recover_lost() == 1

    assert (await runs.get(lost.id)).status == RunStatus.STOPPED


def _call(price: str, tokens_in: int = 1) -> MessageStarted:
    call = ModelCall(
        messages=[],
        size=0,
        temperature=0,
        max_tokens=1,
        tokens_in=tokens_in,
        price=price,
    )
    return MessageStarted(
        message_id=ids.new_id(), role="assistant", model="far/away", call=call
    )


async def _say(services: Services, row: RunRow, *events: Event) -> None:
    log = EventLog(services.db, row, _tell)
    for one in events:
        log.append(one)
        # What waits would be folded.
        await log.flush()


def _tell(stored: Sequence[Sequence[RunEvent]]) -> None:
    """Nobody watches."""


@pytest.mark.parametrize("price", ["x nan/0/0", "x 1e300/1e300/1e300", "x -1/-1/-1"])
@pytest.mark.parametrize("attempt", [1, 3])
async def test_log_with_nonsense_holds_up_no_run(
    services: Services,
    sweeper: RunRecovery,
    make_run: MakeRun,
    actor: Actor,
    runs: Runs,
    price: str,
    attempt: int,
) -> None:
    odd, other = [await _silent(make_run, actor, attempt=attempt) for _ in range(2)]
    began = RunStarted(agent_name="Far", model="", worker="one")
    begun = _call(price, TOKENS_MAX)
    words = MessageDelta(message_id=begun.message_id, text="a", tokens=TOKENS_MAX)
    await _say(services, odd, began, begun, *[words] * 3)

    assert await sweeper.recover_lost() == 2

    run = await runs.get(odd.id)
    assert run.status == (await runs.get(other.id)).status
    assert run.tokens_out == (0 if attempt == 1 else TOKENS_MAX)
    (cut,) = [one for one in await runs.events(odd.id) if one.type == RECORDED]
    assert (cut.payload["tokens_out"], cut.payload["cost_micros"]) == (TOKENS_MAX, None)


@pytest.mark.parametrize("attempt", [1, 3])
async def test_run_whose_calls_cannot_be_reckoned_is_taken_away_without_them(
    sweeper: RunRecovery,
    make_run: MakeRun,
    actor: Actor,
    runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
    attempt: int,
) -> None:
    odd, other = [await _silent(make_run, actor, attempt=attempt) for _ in range(2)]
    reckon = recovery.list_cut_calls

    async def refuse(session: Session, run_id: UUID) -> Any:
        if run_id == odd.id:
            raise ValueError
        return await reckon(session, run_id)

    monkeypatch.setattr(recovery, "list_cut_calls", refuse)

    assert await sweeper.recover_lost() == 2

    ended = RunStatus.QUEUED if attempt == 1 else RunStatus.FAILED
    assert (await runs.get(odd.id)).status == ended
    assert (await runs.get(other.id)).status == ended


async def test_run_that_cannot_be_taken_away_holds_up_no_other(
    sweeper: RunRecovery,
    make_run: MakeRun,
    actor: Actor,
    runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    odd, other = [await _silent(make_run, actor, worker="one") for _ in range(2)]
    put_back = recovery.put_back

    async def refuse(session: Session, row: RunRow, **values: Any) -> Any:
        if row.id == odd.id:
            raise ValueError
        return await put_back(session, row, **values)

    monkeypatch.setattr(recovery, "put_back", refuse)

    assert await sweeper.recover_lost() == 1
    assert await sweeper.release(worker="one")

    assert (await runs.get(odd.id)).status == RunStatus.RUNNING
    assert (await runs.get(other.id)).status == RunStatus.QUEUED


async def test_worker_that_is_only_slow_keeps_its_run(
    patient: RunRecovery, make_run: MakeRun, actor: Actor, runs: Runs
) -> None:
    row = await _silent(make_run, actor)

    assert await patient.recover_lost() == 0

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


async def test_row_that_somebody_holds_keeps_no_other_out_of_the_line(
    sweeper: RunRecovery,
    services: Services,
    actor: Actor,
    make_agent: MakeAgent,
    runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent = await make_agent(actor)
    held, other = [await runs.start(agent.id) for _ in range(2)]
    await services.outbox.settle()
    await services.redis.flushdb()
    monkeypatch.setattr(recovery, "put_back", _held(recovery.put_back, held.id))

    assert await sweeper.queue_again(older_than=NOW) == 1

    assert _queued(services.settings) == [f"run-{other.id}-2"]


async def test_row_that_somebody_holds_lets_other_parents_be_woken(
    sweeper: RunRecovery,
    actor: Actor,
    make_run: MakeRun,
    runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = ids.new_id()
    values = {"status": RunStatus.WAITING, "epoch": 1, "waits_for_id": gone}
    held, other = [await make_run(actor, **values) for _ in range(2)]
    monkeypatch.setattr(recovery, "hold_run", _held(recovery.hold_run, held.id))

    assert await sweeper.wake_parents() == 1

    assert (await runs.get(held.id)).status == RunStatus.WAITING
    assert (await runs.get(other.id)).status == RunStatus.QUEUED


def _held(work: Callable[..., Awaitable[Any]], run_id: UUID) -> Any:
    """Return `work` as it is while a frozen process holds the row of a run."""

    async def wait(session: Session, row: RunRow, **values: Any) -> Any:
        if row.id == run_id:
            raise OperationalError("UPDATE run", None, Exception("lock timeout"))
        return await work(session, row, **values)

    return wait


async def test_run_cut_off_by_a_shutdown_uses_up_no_attempt(
    services: Services,
    actor: Actor,
    make_agent: MakeAgent,
    runs: Runs,
    make_run: MakeRun,
) -> None:
    agent = await make_agent(actor, model="scripted/rate-40")
    row = await make_run(actor, agent=agent, epoch=2, attempt=2)
    shutdown = asyncio.Event()
    shutdown.set()

    await executor.execute_run(services, row.id, worker="one", shutdown=shutdown)

    run = await runs.get(row.id)
    assert (run.status, run.attempt) == (RunStatus.QUEUED, 2)
    began = (await runs.events(row.id))[0]
    assert (began.payload["attempt"], began.payload["attempts_max"]) == (3, 3)


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
    row = await _silent(make_run, actor, attempt=3)

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
