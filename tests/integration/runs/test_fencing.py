"""A run has one owner and one end: a worker that lost it writes nothing any more, and one that froze holds nobody up."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import col, update

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.run_events import (
    RunCompleted,
    RunFailed,
    RunOutput,
    RunStatus,
    RunStopped,
    TerminalEvent,
)
from app.backend.runs import engine_repository, recovery
from app.backend.runs.claiming import claim_next
from app.backend.runs.recovery import RunRecovery
from app.backend.runs.status import change_status, end_run
from app.backend.runs.tables import RunRow
from tests.factories.rows import MakeAgent, MakeRun
from tests.runs import Runs, assert_log_is_whole

FAILED = RunFailed(code="INTERNAL_ERROR", error="The line to the model broke.")


@pytest.fixture
def sweeper(services: Services) -> RunRecovery:
    """A sweeper as the scheduler has it."""
    return RunRecovery(
        services.db,
        services.redis,
        services.outbox,
        services.settings.run_attempts_max,
    )


async def _expire(services: Services, run_id: UUID, *, seconds: float = 1) -> None:
    past = clock.now() - timedelta(seconds=seconds)
    async with services.db.transaction() as session:
        await session.exec(
            update(RunRow).where(col(RunRow.id) == run_id).values(lease_until=past)
        )


async def test_run_ends_once(
    services: Services, actor: Actor, make_run: MakeRun, runs: Runs
) -> None:
    row = await make_run(actor, status=RunStatus.RUNNING, epoch=1)
    done = RunCompleted(output=RunOutput(answer="Yes."), milliseconds=1)

    async def end(event: RunCompleted | RunStopped) -> bool:
        async with services.db.transaction() as session:
            return await end_run(session, row.id, event, epoch=1) is not None

    ended = await asyncio.gather(*(end(done) for _ in range(5)), end(RunStopped()))

    assert ended.count(True) == 1
    assert_log_is_whole(await runs.events(row.id))


async def test_100_claims_at_once_give_one_owner(
    services: Services, actor: Actor, make_run: MakeRun
) -> None:
    row = await make_run(actor)

    async def claim() -> bool:
        async with services.db.transaction() as session:
            changed = await change_status(
                session, row.id, RunStatus.RUNNING, epoch=0, values={"epoch": 1}
            )
        return changed is not None

    claims = await asyncio.gather(*(claim() for _ in range(100)))

    assert claims.count(True) == 1


@pytest.mark.parametrize("end", [FAILED, RunStopped(text="Half an answer.")])
async def test_worker_whose_run_was_queued_again_cannot_end_it(
    services: Services,
    sweeper: RunRecovery,
    actor: Actor,
    make_agent: MakeAgent,
    make_run: MakeRun,
    monkeypatch: pytest.MonkeyPatch,
    end: TerminalEvent,
) -> None:
    monkeypatch.setattr(recovery, "SILENCE_SECONDS", 0.0)
    run = await make_run(actor, agent=await make_agent(actor))
    taken = await claim_next(services, worker="frozen")
    assert taken is not None
    claimed, _ = taken
    await _expire(services, run.id)
    assert await sweeper.recover_lost() == 1

    async with services.db.transaction() as session:
        ended = await end_run(session, run.id, end, epoch=claimed.epoch)
    async with services.db.transaction() as session:
        returned = await change_status(
            session, run.id, RunStatus.QUEUED, epoch=claimed.epoch
        )

    assert (ended, returned) == (None, None)


async def test_row_that_a_frozen_worker_holds_keeps_no_other_run_from_being_found(
    services: Services,
    sweeper: RunRecovery,
    actor: Actor,
    make_run: MakeRun,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recovery, "SILENCE_SECONDS", 0.0)
    held = await make_run(actor, status=RunStatus.RUNNING, epoch=1)
    free = await make_run(actor, status=RunStatus.RUNNING, epoch=1)
    for run in (held, free):
        await _expire(services, run.id)
    async with services.db.transaction() as frozen:
        connection = await frozen.connection()
        await connection.run_sync(
            engine_repository.renew_lease,
            held.id,
            1,
            clock.now() - timedelta(seconds=1),
        )

        async with asyncio.timeout(10):
            # SQLite has one writer; there only reading goes on until the holder is gone.
            if not services.db.is_sqlite:
                await sweeper.recover_lost()
            async with services.db.read() as session:
                row = await engine_repository.find_run(session, free.id)

    assert row is not None
    expected = RunStatus.RUNNING if services.db.is_sqlite else RunStatus.QUEUED
    assert row.status == expected
