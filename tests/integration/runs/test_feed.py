"""Following a run: everything, in order, once, with Redis or without."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.run_events import Log, RunCompleted, RunOutput, RunStatus
from app.backend.core.stored_events import RunEvent
from app.backend.runs import engine_repository
from app.backend.runs.event_log import EventLog
from app.backend.runs.feed import RunFeed
from app.backend.runs.status import end_run
from app.backend.runs.tables import RunRow
from tests.factories.rows import MakeRun
from tests.runs import assert_log_is_whole


class Writer:
    """Writes the log of a run as a worker does."""

    def __init__(self, services: Services, row: RunRow, *, is_telling: bool) -> None:
        def tell(stored: Sequence[Sequence[RunEvent]]) -> None:
            if is_telling:
                services.streams.add(stored)

        self._db = services.db
        self._row = row
        self.log = EventLog(services.db, row, tell)

    async def say(self, count: int) -> None:
        for number in range(count):
            self.log.append(Log(message=f"Line {number}."))
        await self.log.flush()

    async def end(self) -> None:
        done = RunCompleted(output=RunOutput(answer="Yes."), milliseconds=1)
        async with self._db.transaction() as session:
            ended = await end_run(session, self._row.id, done, epoch=1)
        assert ended is not None
        await self.log.tell(ended[1])


@pytest.fixture
async def row(actor: Actor, make_run: MakeRun) -> RunRow:
    return await make_run(actor, status=RunStatus.RUNNING, epoch=1)


@pytest.fixture
async def feed(services: Services) -> AsyncGenerator[RunFeed, None]:
    made = RunFeed(services.db, services.redis)
    yield made
    await made.close()


async def _collect(feed: RunFeed, run_id: UUID, after: int = 0) -> list[RunEvent]:
    return [event async for batch in feed.follow(run_id, after) for event in batch]


@pytest.mark.parametrize("is_telling", [True, False], ids=["live", "rows only"])
async def test_viewers_get_the_whole_log_whenever_they_come(
    services: Services, feed: RunFeed, row: RunRow, is_telling: bool
) -> None:
    writer = Writer(services, row, is_telling=is_telling)
    async with asyncio.timeout(20), writer.log, asyncio.TaskGroup() as group:
        viewers = [group.create_task(_collect(feed, row.id))]
        for count in (1, 3, 700, 1, 40):
            await writer.say(count)
            viewers.append(group.create_task(_collect(feed, row.id)))
            await asyncio.sleep(0)
        late = group.create_task(_collect(feed, row.id, 100))
        await writer.end()
    logs = [viewer.result() for viewer in viewers]
    assert len(logs[0]) == 746
    assert all(log == logs[0] for log in logs)
    assert_log_is_whole(logs[0])
    assert late.result() == logs[0][100:]


async def test_following_an_ended_run_ends(
    services: Services, feed: RunFeed, row: RunRow
) -> None:
    writer = Writer(services, row, is_telling=False)
    async with writer.log:
        await writer.say(2)
        await writer.end()

    async with asyncio.timeout(5):
        assert [event.seq for event in await _collect(feed, row.id)] == [1, 2, 3]
        assert await _collect(feed, row.id, 3) == []
        assert await _collect(feed, row.id, 99) == []


async def test_lost_batches_are_read_from_the_rows(
    services: Services, feed: RunFeed, row: RunRow
) -> None:
    telling = Writer(services, row, is_telling=True)
    async with asyncio.timeout(20), telling.log, asyncio.TaskGroup() as group:
        viewer = group.create_task(_collect(feed, row.id))
        await telling.say(3)
        for _ in range(5):
            # As when the stream is trimmed, or Redis starts again empty.
            await services.redis.flushdb()
            await telling.say(2)
        await telling.end()
    assert_log_is_whole(viewer.result())
    assert len(viewer.result()) == 14


async def test_rows_are_read_for_events_that_stay_away(
    services: Services,
    feed: RunFeed,
    row: RunRow,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.backend.runs.feed.CHECK_SECONDS", 60)
    writer = Writer(services, row, is_telling=False)
    async with writer.log, aclosing(feed.follow(row.id)) as batches:
        await writer.say(1)
        await anext(batches)
        await writer.say(2)
        upcoming = asyncio.ensure_future(anext(batches))

        await feed._look_at([row.id])  # pyright: ignore[reportPrivateUsage]
        await asyncio.sleep(0.1)
        is_early = upcoming.done()
        await feed._look_at([row.id])  # pyright: ignore[reportPrivateUsage]

        async with asyncio.timeout(5):
            assert [event.seq for event in await upcoming] == [2, 3]
        assert not is_early


async def test_rows_are_looked_at_again_after_a_pool_that_was_used_up(
    services: Services,
    feed: RunFeed,
    row: RunRow,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.backend.runs.feed.CHECK_SECONDS", 0.05)
    has_failed = asyncio.Event()
    find_progress = engine_repository.find_progress

    async def find(*args: Any) -> Any:
        if has_failed.is_set():
            return await find_progress(*args)
        has_failed.set()
        message = "30 s"
        raise PoolTimeout(message)

    monkeypatch.setattr(engine_repository, "find_progress", find)
    writer = Writer(services, row, is_telling=False)
    async with writer.log, aclosing(feed.follow(row.id)) as batches:
        await writer.say(1)
        await anext(batches)
        async with asyncio.timeout(5):
            await has_failed.wait()
            await writer.say(1)
            assert [event.seq for event in await anext(batches)] == [2]


async def test_viewer_that_drops_out_and_in_misses_nothing(
    services: Services, feed: RunFeed, row: RunRow
) -> None:
    writer = Writer(services, row, is_telling=True)
    seen: list[RunEvent] = []

    async def drop_in_and_out() -> None:
        while not seen or seen[-1].type != "run_completed":
            batches = feed.follow(row.id, seen[-1].seq if seen else 0)
            async for batch in batches:
                seen.extend(batch)
                if len(seen) % 3:
                    break
            await batches.aclose()

    async with asyncio.timeout(20), writer.log, asyncio.TaskGroup() as group:
        group.create_task(drop_in_and_out())
        for _ in range(60):
            await writer.say(1)
            await asyncio.sleep(0)
        await writer.end()
    assert_log_is_whole(seen)
    assert len(seen) == 61


async def test_nothing_stays_when_the_viewers_have_gone(
    services: Services, feed: RunFeed, row: RunRow
) -> None:
    writer = Writer(services, row, is_telling=True)
    async with writer.log:
        await writer.say(1)
        batches = feed.follow(row.id)
        await anext(batches)
        await batches.aclose()

    assert feed.followed == 0


async def test_viewer_that_leaves_while_it_comes_leaves_nothing(
    feed: RunFeed, row: RunRow
) -> None:
    async def view() -> None:
        async with aclosing(feed.follow(row.id)) as batches:
            await anext(batches)

    viewing = asyncio.create_task(view())
    await asyncio.sleep(0)
    assert feed.followed == 1
    viewing.cancel()
    await asyncio.wait([viewing])

    assert feed.followed == 0


async def test_deleted_run_ends_the_viewing(
    services: Services, feed: RunFeed, row: RunRow
) -> None:
    writer = Writer(services, row, is_telling=True)
    batches = feed.follow(row.id)
    async with asyncio.timeout(10), writer.log:
        await writer.say(1)
        await anext(batches)
        async with services.db.transaction() as session:
            await session.delete(await session.get_one(RunRow, row.id))
        assert [batch async for batch in batches] == []
