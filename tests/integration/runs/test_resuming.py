"""A run goes on after its last step: when its worker was killed, and when somebody presses Resume."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from uuid import UUID

import psutil
import pytest
from sqlmodel import col, update

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.errors import AppError, Conflict
from app.backend.core.run_context import SavedStep
from app.backend.core.run_events import Log, RunStatus
from app.backend.core.settings import Settings
from app.backend.core.stored_events import RunEvent
from app.backend.runs import engine_repository, service
from app.backend.runs.errors import LeaseLost
from app.backend.runs.event_log import EventLog
from app.backend.runs.schemas import RunView
from app.backend.runs.spent import count_spent
from app.backend.runs.tables import RunRow
from tests.factories.rows import MakeAgent, MakeRun, RowFactory
from tests.parts import wait_until
from tests.processes import Fork, ForkServer
from tests.runs import POLL_SECONDS, WAIT_SECONDS, Runs, assert_log_is_whole

STEP = SavedStep("thread", "checkpoint-1", 0)
RETRIEVED = 1  # the number of the step after which the model is asked
# Words for ten seconds: long enough to be killed in the middle.
TALKS = "scripted/rate-40"


async def _resume(services: Services, actor: Actor, run: RunView) -> RunView:
    async with services.db.transaction() as session:
        return await service.resume_run(session, actor, run_id=run.id, parts=services)


async def _newest_step(services: Services, run_id: UUID) -> SavedStep | None:
    async with services.db.read() as session:
        return await engine_repository.find_newest_step(session, run_id)


async def _wait_for_step(services: Services, run_id: UUID, number: int) -> None:
    # A checkpoint is stored while the next node works already.
    async with asyncio.timeout(WAIT_SECONDS):
        step = None
        while step is None or step.step < number:
            await asyncio.sleep(POLL_SECONDS)
            step = await _newest_step(services, run_id)


async def _freeze(
    services: Services, worker: Fork, run_id: UUID
) -> list[psutil.Process]:
    """Freeze a worker and its children between two writes: in the middle of one it holds a lock for all others."""
    parent = psutil.Process(worker.pid)
    while True:
        family = [parent, *parent.children(recursive=True)]
        for process in family:
            process.suspend()
        touching = asyncio.create_task(_touch(services, run_id))
        done, _ = await asyncio.wait([touching], timeout=2)
        if done:
            return family
        for process in family:
            process.resume()
        await touching


async def _touch(services: Services, run_id: UUID) -> None:
    async with services.db.transaction() as session:
        touch = update(RunRow).where(col(RunRow.id) == run_id)
        await session.exec(touch.values(trigger="user"))


def _stages(events: list[Any]) -> list[str]:
    return [event.payload["stage"] for event in events if event.type == "stage_changed"]


async def test_run_of_a_killed_worker_goes_on_after_its_last_step(
    runs: Runs,
    actor: Actor,
    make_agent: MakeAgent,
    worker: Fork,
    scheduler: Fork,
    services: Services,
    settings: Settings,
    fork_server: ForkServer,
) -> None:
    agent = await make_agent(actor, model=TALKS)
    started = await runs.start(agent.id)
    await runs.wait_for_event(started.id, "message_delta")
    await _wait_for_step(services, started.id, RETRIEVED)

    worker.kill()
    other = fork_server.start("app.workers.worker", settings)
    run = await runs.wait(started.id)

    other.stop()
    scheduler.stop()
    events = await runs.events(run.id)
    assert (run.status, run.attempt) == (RunStatus.COMPLETED, 2)
    assert_log_is_whole(events)
    (again,) = [event for event in events if event.type == "attempt_started"]
    assert again.payload["attempt"] == 2
    assert "lost" in again.payload["reason"]
    assert _stages(events).count("retrieving") == 1
    assert _stages(events).count("generating") == 2


async def test_what_a_killed_worker_used_counts_towards_the_limits(
    runs: Runs,
    actor: Actor,
    make_agent: MakeAgent,
    worker: Fork,
    scheduler: Fork,
    services: Services,
    settings: Settings,
    fork_server: ForkServer,
) -> None:
    agent = await make_agent(actor, model=TALKS, tokens_max=120)
    started = await runs.start(agent.id)
    async with asyncio.timeout(WAIT_SECONDS):
        text = ""
        while len(text.split()) < 25:
            await asyncio.sleep(POLL_SECONDS)
            text = await runs.answer(started.id)

    worker.kill()
    other = fork_server.start("app.workers.worker", settings)
    run = await runs.wait(started.id)

    other.stop()
    scheduler.stop()
    events = await runs.events(run.id)
    words = [event for event in events if event.type == "message_delta"]
    tokens = sum(event.payload["tokens"] for event in words)
    assert (run.status, run.attempt) == (RunStatus.TIMED_OUT, 2)
    assert "limit of 120 tokens" in run.error
    assert tokens == run.tokens_out
    # With the question of the attempt that was killed; the word that was too much may have come with others.
    calls = [event.payload for event in events if event.type == "usage_recorded"]
    asked = calls[0]["tokens_in"]
    assert 120 < asked + tokens < 140
    async with services.db.read() as session:
        spent = await count_spent(session, run.id)
    began, ended = (
        words[0].ts,
        next(
            before.ts
            for before, after in pairwise(events)
            if after.type == "attempt_started"
        ),
    )
    assert spent.tokens_out == tokens
    # Some 25 words at 40 a second, and the first come late.
    assert 0.3 < (ended - began).total_seconds() <= spent.seconds < 10


async def test_worker_that_was_frozen_writes_nothing_when_it_wakes_up(
    runs: Runs,
    actor: Actor,
    make_agent: MakeAgent,
    services: Services,
    worker: Fork,
    scheduler: Fork,
    settings: Settings,
    fork_server: ForkServer,
) -> None:
    agent = await make_agent(actor, model=TALKS)
    started = await runs.start(agent.id)
    await runs.wait_for_event(started.id, "message_delta")
    frozen = await _freeze(services, worker, started.id)

    other = fork_server.start("app.workers.worker", settings)
    await runs.wait_for_event(started.id, "attempt_started")
    for process in frozen:
        process.resume()
    run = await runs.wait(started.id)

    other.stop()
    scheduler.stop()
    events = await runs.events(run.id)
    assert (run.status, run.attempt) == (RunStatus.COMPLETED, 2)
    assert_log_is_whole(events)
    (again,) = [event.seq for event in events if event.type == "attempt_started"]
    after = [event for event in events if event.seq > again]
    text = "".join(
        event.payload["text"] for event in after if event.type == "message_delta"
    )
    assert run.output is not None
    assert text == run.output.answer
    wait_until(
        lambda: "run_lease_lost" in worker.read_log(), seconds=15, what="It notices"
    )


async def test_failed_run_is_resumed_without_doing_again_what_was_done(
    runs: Runs,
    rows: RowFactory,
    actor: Actor,
    make_agent: MakeAgent,
    services: Services,
    worker: Fork,
) -> None:
    agent = await make_agent(actor, model="scripted/overflow")
    failed = await runs.wait((await runs.start(agent.id)).id)
    assert failed.status == RunStatus.FAILED
    agent.model = "scripted/echo"
    await rows.add(agent)

    resumed = await runs.wait((await _resume(services, actor, failed)).id)

    assert resumed.status == RunStatus.COMPLETED, resumed.error
    assert resumed.origin_id == failed.id
    assert resumed.output is not None
    assert resumed.output.answer == "What is this?"
    events = await runs.events(resumed.id)
    assert "retrieving" not in _stages(events)
    assert_log_is_whole(events)
    # The failed one can be resumed once more.
    assert await _newest_step(services, failed.id) is not None
    worker.stop()


async def test_what_is_complete_or_was_never_begun_is_not_resumed(
    services: Services, actor: Actor, make_run: MakeRun, runs: Runs
) -> None:
    for status, words in (
        (RunStatus.COMPLETED, "Only a run that"),
        (RunStatus.RUNNING, "Only a run that"),
        (RunStatus.FAILED, "Nothing of this run is kept"),
    ):
        run = await runs.get((await make_run(actor, status=status)).id)
        with pytest.raises(Conflict, match=words):
            await _resume(services, actor, run)


async def test_somebody_elses_run_is_not_resumed(
    services: Services,
    actor: Actor,
    other_actor: Actor,
    make_run: MakeRun,
    runs: Runs,
) -> None:
    run = await runs.get((await make_run(actor, status=RunStatus.FAILED)).id)

    with pytest.raises(AppError, match="There is no run"):
        await _resume(services, other_actor, run)


async def test_step_is_vouched_for_with_the_events_of_its_claim_only(
    services: Services, actor: Actor, make_run: MakeRun, runs: Runs
) -> None:
    row = await make_run(actor, status=RunStatus.RUNNING, epoch=1)

    def tell(stored: Sequence[Sequence[RunEvent]]) -> None:
        del stored

    async with EventLog(services.db, row, tell) as log:
        log.append(Log(message="One."))
        log.note_step(STEP)
        await log.flush()
        assert await _newest_step(services, row.id) == STEP
        async with services.db.transaction() as session:
            taken = await session.get(RunRow, row.id)
            assert taken is not None
            taken.epoch = 2
            session.add(taken)
        log.note_step(SavedStep("thread", "checkpoint-2", 1))
        with pytest.raises(LeaseLost):
            await log.flush()

    assert await _newest_step(services, row.id) == STEP
    assert len(await runs.events(row.id)) == 1


async def test_step_of_a_later_claim_is_the_newest_whatever_its_id(
    services: Services, actor: Actor, make_run: MakeRun
) -> None:
    row = await make_run(actor, status=RunStatus.RUNNING, epoch=2)
    later = SavedStep("thread-2", "a", 0)
    async with services.db.transaction() as session:
        for epoch, step in ((1, SavedStep("thread-1", "b", 3)), (2, later)):
            await engine_repository.add_steps(
                session, [step], run_id=row.id, owner_id=row.owner_id, epoch=epoch
            )

    assert await _newest_step(services, row.id) == later


async def test_many_kills_at_any_moment_leave_whole_logs(
    runs: Runs,
    actor: Actor,
    make_agent: MakeAgent,
    scheduler: Fork,
    settings: Settings,
    fork_server: ForkServer,
) -> None:
    agent = await make_agent(actor, model="scripted/rate-40")
    started = await runs.start(agent.id)
    for moment in ("run_started", "attempt_started"):
        worker = fork_server.start("app.workers.worker", settings)
        await runs.wait_for_event(started.id, moment)
        worker.kill()
        await runs.wait(started.id, lambda run: run.status == RunStatus.QUEUED)

    last = fork_server.start("app.workers.worker", settings)
    run = await runs.wait(started.id)

    last.stop()
    scheduler.stop()
    assert (run.status, run.attempt) == (RunStatus.COMPLETED, 3)
    assert_log_is_whole(await runs.events(run.id))
