"""A worker that lost its run writes nothing any more, and one that froze holds nobody up."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import col, update

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.run_events import (
    RunFailed,
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
