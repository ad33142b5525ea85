"""The log of a run: whole, in order, and written by the holder of the lease alone."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from typing import TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.exc import InternalError, OperationalError

from app.backend import bootstrap
from app.backend.bootstrap import REDIS_SECONDS, Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.db import Database
from app.backend.core.redis import connect_blocking
from app.backend.core.run_context import SavedStep
from app.backend.core.run_events import (
    Event,
    Log,
    MessageDelta,
    RunStatus,
)
from app.backend.core.settings import Settings
from app.backend.core.stored_events import RunEvent
from app.backend.runs import engine_repository, event_log
from app.backend.runs.errors import LeaseLost, LogOverflow
from app.backend.runs.event_log import PRESSURE_EVENTS, WINDOW_SECONDS, EventLog
from app.backend.runs.live import LiveStreams
from app.backend.runs.tables import RunRow
from tests.factories.rows import MakeRun, RowFactory
from tests.runs import Runs, assert_log_is_whole

R = TypeVar("R")
MESSAGES = [UUID(int=1), UUID(int=2)]


class Viewers:
    """Keeps what would be sent to Redis."""

    def __init__(self) -> None:
        self.seen: list[RunEvent] = []

    def __call__(self, stored: Sequence[Sequence[RunEvent]]) -> None:
        for events in stored:
            self.seen += events


async def _running(make_run: MakeRun, actor: Actor) -> RunRow:
    return await make_run(actor, status=RunStatus.RUNNING, epoch=1)


async def test_quick_model_is_written_once_in_two_windows(
    services: Services, actor: Actor, make_run: MakeRun, runs: Runs
) -> None:
    row = await _running(make_run, actor)
    began = clock.monotonic()
    async with EventLog(services.db, row, Viewers()) as log:
        while clock.monotonic() < began + 12 * WINDOW_SECONDS:
            log.append(MessageDelta(message_id=MESSAGES[0], text="x"))
            await asyncio.sleep(0)
        await log.flush()

    windows = (clock.monotonic() - began) / WINDOW_SECONDS
    # The first word comes at once, and the first window is a single one.
    assert len(await runs.events(row.id)) <= windows / 2 + 3


async def test_tokens_of_one_flush_are_one_event(
    services: Services, actor: Actor, make_run: MakeRun, runs: Runs
) -> None:
    row = await _running(make_run, actor)
    async with EventLog(services.db, row, Viewers()) as log:
        for word in ("one ", "two ", "three"):
            log.append(MessageDelta(message_id=MESSAGES[0], text=word))
        log.append(MessageDelta(message_id=MESSAGES[1], text="other"))
        await log.flush()

    events = await runs.events(row.id)
    assert [(event.payload["text"], event.payload["tokens"]) for event in events] == [
        ("one two three", 3),
        ("other", 1),
    ]


async def test_words_that_wait_for_the_database_are_folded_and_other_events_are_not(
    services: Services, actor: Actor, make_run: MakeRun, runs: Runs
) -> None:
    row = await _running(make_run, actor)
    rounds = 2 * PRESSURE_EVENTS
    async with EventLog(services.db, row, Viewers()) as log:
        # Nothing is written meanwhile, as while the database is away: nobody else gets a turn.
        for number in range(rounds):
            log.append(MessageDelta(message_id=MESSAGES[number % 2], text="x"))
            if number % 4 == 0:
                log.append(Log(message=str(number)))
        await log.flush()

    events = await runs.events(row.id)
    lines = [event for event in events if event.type == "log"]
    words = [event for event in events if event.type == "message_delta"]
    assert [int(line.payload["message"]) for line in lines] == [*range(0, rounds, 4)]
    assert sum(word.payload["tokens"] for word in words) == rounds
    assert len(await runs.answer(row.id)) == rounds
    assert len(words) < PRESSURE_EVENTS
    assert_log_is_whole(events)


async def test_log_takes_no_more_than_it_can_hold(
    services: Services,
    actor: Actor,
    make_run: MakeRun,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_log, "PRESSURE_EVENTS", 10)
    monkeypatch.setattr(event_log, "BUFFER_EVENTS_MAX", 50)
    row = await _running(make_run, actor)
    log = EventLog(services.db, row, Viewers())

    for number in range(50):
        log.append(Log(message=str(number)))
    with pytest.raises(LogOverflow):
        log.append(Log(message="one too many"))

    await log.flush()
    assert log.last_seq == 50


async def test_log_without_the_lease_writes_nothing(
    services: Services, actor: Actor, make_run: MakeRun, runs: Runs
) -> None:
    row = await _running(make_run, actor)
    async with services.db.transaction() as session:
        taken = await session.get(RunRow, row.id)
        assert taken is not None
        taken.epoch = 2
        session.add(taken)
    async with EventLog(services.db, row, Viewers()) as log:
        log.append(Log(message="Too late."))
        with pytest.raises(LeaseLost):
            await log.flush()

    assert await runs.events(row.id) == []


@pytest.mark.parametrize("is_answering_at_first", [True, False])
async def test_redis_that_does_not_answer_holds_up_no_row(
    services: Services,
    actor: Actor,
    make_run: MakeRun,
    runs: Runs,
    is_answering_at_first: bool,
) -> None:
    row = await _running(make_run, actor)
    async with _deaf_redis(is_answering_at_first=is_answering_at_first) as port:
        redis = connect_blocking(f"redis://127.0.0.1:{port}", seconds=REDIS_SECONDS)
        streams = LiveStreams(redis)
        async with asyncio.timeout(10):
            async with EventLog(services.db, row, streams.add) as log:
                for number in range(1000):
                    log.append(Log(message=f"Line {number}."))
                    if number % 2 == 0:
                        await log.flush()
                await log.flush()
            await asyncio.to_thread(streams.close)
        redis.close()

    events = await runs.events(row.id)
    assert len(events) == 1000
    assert_log_is_whole(events)


@asynccontextmanager
async def _deaf_redis(*, is_answering_at_first: bool) -> AsyncGenerator[int, None]:
    """Serve what takes all that it is told and says nothing, or nothing after a connection is made; yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            while said := await reader.read(65536):
                if is_answering_at_first:
                    writer.write(b"+OK\r\n" * said.count(b"CLIENT"))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _meet(
    monkeypatch: pytest.MonkeyPatch,
    db: Database,
    act: Callable[[], Awaitable[None]],
    *,
    when: str,
) -> None:
    """Let `act` happen when each write is about to begin, or when its commit is done and the answer is still on its way."""
    write = db.write

    async def met(
        work: Callable[[Connection], R], *, then: Callable[[Sequence[R]], None]
    ) -> None:
        if when == "begun":
            await act()
        done = await write(work)
        if when == "committed":
            await act()
        then([done])

    monkeypatch.setattr(db, "write", met)


@pytest.mark.parametrize("when", ["begun", "committed"])
async def test_who_waits_for_a_write_may_be_cancelled_and_nothing_is_lost(
    services: Services,
    actor: Actor,
    make_run: MakeRun,
    runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
) -> None:
    row = await _running(make_run, actor)
    is_there, may_go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        is_there.set()
        await may_go_on.wait()

    _meet(monkeypatch, services.db, wait, when=when)
    step = SavedStep(engine_repository.saver_thread(row.id, 1), "c1", 1)
    viewers = Viewers()
    async with EventLog(services.db, row, viewers) as log:
        log.append(Log(message="Before."))
        log.note_step(step)
        waiting = asyncio.create_task(log.flush())
        await is_there.wait()
        waiting.cancel()
        await asyncio.wait([waiting])
        log.append(Log(message="After."))
        may_go_on.set()
        await log.flush()

    events = await runs.events(row.id)
    assert waiting.cancelled()
    assert [one.payload["message"] for one in events] == ["Before.", "After."]
    assert viewers.seen == events
    async with services.db.read() as session:
        assert await engine_repository.find_newest_step(session, row.id) == step


async def test_viewers_see_no_secret_after_a_commit_whose_answer_was_lost(
    services: Services,
    actor: Actor,
    make_run: MakeRun,
    runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = await _running(make_run, actor)
    lost = [OperationalError("COMMIT", None, Exception("The server went away."))]

    async def lose() -> None:
        if lost:
            raise lost.pop()

    _meet(monkeypatch, services.db, lose, when="committed")
    viewers = Viewers()
    async with EventLog(services.db, row, viewers) as log:
        log.append(Log(message=f"Use sk-{'a1b2c3d4e5' * 3}."))
        await log.flush()

    events = await runs.events(row.id)
    assert [one.payload["message"] for one in viewers.seen] == ["Use [redacted]."]
    assert viewers.seen == events
    assert lost == []


async def test_log_goes_on_after_a_transaction_that_the_database_ended(
    services: Services,
    actor: Actor,
    make_run: MakeRun,
    runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = await _running(make_run, actor)
    # What PostgreSQL answers to a worker that was frozen in the middle of a transaction.
    ended = [InternalError("UPDATE", None, Exception("idle-in-transaction timeout"))]

    async def end() -> None:
        if ended:
            raise ended.pop()

    _meet(monkeypatch, services.db, end, when="begun")
    async with EventLog(services.db, row, Viewers()) as log:
        log.append(Log(message="Before."))
        await log.flush()

    assert [one.type for one in await runs.events(row.id)] == ["log"]
    assert ended == []


async def test_log_that_cannot_be_written_lets_go_of_the_run(
    services: Services,
    actor: Actor,
    make_run: MakeRun,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = await _running(make_run, actor)

    async def break_off() -> None:
        message = "This cannot be bound."
        raise ValueError(message)

    _meet(monkeypatch, services.db, break_off, when="begun")
    async with EventLog(services.db, row, Viewers()) as log, asyncio.timeout(10):
        log.append(Log(message="Before."))
        await log.lost.wait()
        # Whatever has ended by now must not be waited for.
        await asyncio.sleep(0)


event = st.one_of(
    st.builds(
        MessageDelta,
        message_id=st.sampled_from(MESSAGES),
        text=st.text("ab ", min_size=1, max_size=5),
    ),
    st.builds(Log, message=st.sampled_from(["a", "b"])),
)
step = st.one_of(event, st.sampled_from(["flush", "pause", "two flushes at once"]))


@examples(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(step, max_size=40))
def test_log_has_no_holes_whatever_happens(
    settings: Settings, steps: list[Event | str]
) -> None:
    asyncio.run(_check(settings, steps))


async def _check(settings: Settings, steps: list[Event | str]) -> None:
    async with bootstrap.build(settings) as services:
        rows = RowFactory(services.db)
        actor = await rows.user()
        row = await rows.run(actor, status=RunStatus.RUNNING, epoch=1)
        viewers = Viewers()
        async with EventLog(services.db, row, viewers) as log:
            for item in steps:
                if not isinstance(item, str):
                    log.append(item)
                elif item == "flush":
                    await log.flush()
                elif item == "pause":
                    await asyncio.sleep(0)
                else:
                    await asyncio.gather(log.flush(), log.flush())
            await log.flush()
        events = await Runs(services, actor).events(row.id)
    assert_log_is_whole(events)
    assert viewers.seen == events
    said = [item for item in steps if not isinstance(item, str)]
    assert _texts([item.model_dump(mode="json") for item in said]) == _texts(
        [{"type": item.type, **item.payload} for item in events]
    )


def _texts(events: list[dict[str, object]]) -> list[tuple[object, str]]:
    """Return the events with the text of neighbouring deltas of one message joined."""
    found: list[tuple[object, str]] = []
    for item in events:
        key = item.get("message_id", item["type"])
        text = str(item.get("text", item.get("message")))
        if found and item["type"] == "message_delta" and found[-1][0] == key:
            found[-1] = key, found[-1][1] + text
        else:
            found.append((key, text))
    return found
