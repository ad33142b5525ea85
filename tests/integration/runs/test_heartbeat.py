"""What keeps the runs of a process: each one's lease, each one's stop, and one thread for all of them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Generator
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from sqlmodel import col, update

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.runs import engine_repository
from app.backend.runs.lease import Heartbeat
from app.backend.runs.tables import RunRow
from tests.factories.rows import MakeRun

LEASE_SECONDS = 0.6
PATIENCE_SECONDS = 10


@pytest.fixture
def heartbeat(services: Services) -> Generator[Heartbeat, None, None]:
    made = Heartbeat(services.db, lease_seconds=LEASE_SECONDS)
    yield made
    made.close()


class Told:
    """What the heartbeat has told about one run."""

    def __init__(self) -> None:
        self.stop, self.lost = asyncio.Event(), asyncio.Event()

    def of(self) -> dict[str, Callable[[], None]]:
        return {"on_stop": self.stop.set, "on_lost": self.lost.set}


async def _running(make_run: MakeRun, actor: Actor) -> RunRow:
    return await make_run(actor, status=RunStatus.RUNNING, epoch=1)


async def _change(services: Services, run_id: UUID, **values: object) -> None:
    async with services.db.transaction() as session:
        await session.exec(
            update(RunRow).where(col(RunRow.id) == run_id).values(**values)
        )


async def _lease(services: Services, run_id: UUID) -> datetime | None:
    async with services.db.read() as session:
        row = await session.get(RunRow, run_id)
        return row.lease_until if row else None


async def _until(is_true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await is_true():  # noqa: ASYNC110 - a row tells nobody
            await asyncio.sleep(0.02)


async def test_all_runs_are_kept_by_one_thread_and_each_hears_of_its_own_stop(
    services: Services, actor: Actor, make_run: MakeRun, heartbeat: Heartbeat
) -> None:
    rows = [await _running(make_run, actor) for _ in range(3)]
    told = [Told() for _ in rows]
    began = clock.now()

    async def all_renewed() -> bool:
        leases = [await _lease(services, row.id) for row in rows]
        return all(lease is not None and lease > began for lease in leases)

    with (
        heartbeat.keeping(rows[0].id, 1, **told[0].of()),
        heartbeat.keeping(rows[1].id, 1, **told[1].of()),
        heartbeat.keeping(rows[2].id, 1, **told[2].of()),
    ):
        await _until(all_renewed)
        names = [thread.name for thread in threading.enumerate()]
        await _change(services, rows[1].id, stop_requested_at=clock.now())
        async with asyncio.timeout(PATIENCE_SECONDS):
            await told[1].stop.wait()

    assert names.count("heartbeat") == 1
    assert [one.stop.is_set() for one in told] == [False, True, False]
    assert not any(one.lost.is_set() for one in told)


async def test_run_that_somebody_else_has_is_let_go_and_the_others_are_kept(
    services: Services, actor: Actor, make_run: MakeRun, heartbeat: Heartbeat
) -> None:
    lost, kept = await _running(make_run, actor), await _running(make_run, actor)
    told = {row.id: Told() for row in (lost, kept)}
    with (
        heartbeat.keeping(lost.id, 1, **told[lost.id].of()),
        heartbeat.keeping(kept.id, 1, **told[kept.id].of()),
    ):
        theirs = clock.now()
        await _change(services, lost.id, epoch=2, lease_until=theirs)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await told[lost.id].lost.wait()
        then = clock.now()

        async def renewed_since() -> bool:
            lease = await _lease(services, kept.id)
            return lease is not None and lease > then

        await _until(renewed_since)

    assert await _lease(services, lost.id) == theirs
    assert not told[kept.id].lost.is_set()


async def test_run_that_is_left_is_not_kept_any_more_and_may_be_taken_again(
    services: Services, actor: Actor, make_run: MakeRun, heartbeat: Heartbeat
) -> None:
    row, first, second = await _running(make_run, actor), Told(), Told()
    with heartbeat.keeping(row.id, 1, **first.of()):
        pass
    await _change(services, row.id, epoch=2, stop_requested_at=clock.now())

    with heartbeat.keeping(row.id, 2, **second.of()):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await second.stop.wait()

    assert not first.stop.is_set()
    assert not second.lost.is_set()


async def test_run_whose_row_somebody_holds_costs_no_other_run_its_lease(
    services: Services, actor: Actor, make_run: MakeRun, heartbeat: Heartbeat
) -> None:
    held, free = await _running(make_run, actor), await _running(make_run, actor)
    told = {row.id: Told() for row in (held, free)}

    async def is_renewed(row: RunRow, since: datetime) -> bool:
        lease = await _lease(services, row.id)
        return lease is not None and lease > since + timedelta(seconds=LEASE_SECONDS)

    with (
        heartbeat.keeping(held.id, 1, **told[held.id].of()),
        heartbeat.keeping(free.id, 1, **told[free.id].of()),
    ):
        async with services.db.transaction() as holder:
            assert await engine_repository.lock_run(holder, held.id) is not None
            then = clock.now()
            # SQLite has one writer: there both wait.
            if not services.db.is_sqlite:
                await _until(lambda: is_renewed(free, then))
        after = clock.now()
        await _until(lambda: is_renewed(held, after))
        await _until(lambda: is_renewed(free, after))

    assert not any(one.lost.is_set() for one in told.values())


async def test_database_that_is_away_is_waited_for(
    services: Services,
    actor: Actor,
    make_run: MakeRun,
    heartbeat: Heartbeat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row, told, read_now = await _running(make_run, actor), Told(), services.db.read_now
    failures = [OperationalError("SELECT", None, Exception("It is away."))] * 2

    def read(work: Callable[[Connection], object]) -> object:
        if failures:
            raise failures.pop()
        return read_now(work)

    monkeypatch.setattr(services.db, "read_now", read)
    await _change(services, row.id, stop_requested_at=clock.now())
    with heartbeat.keeping(row.id, 1, **told.of()):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await told.stop.wait()

    assert failures == []
    assert not told.lost.is_set()
