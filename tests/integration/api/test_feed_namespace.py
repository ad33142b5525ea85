"""The /feed namespace on a real server, spoken to as the log widget does."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
import socketio  # pyright: ignore[reportMissingTypeStubs] - it ships none
from socketio.exceptions import (  # pyright: ignore[reportMissingTypeStubs]
    ConnectionError as CannotConnect,
)

from app.backend.api import feed
from app.backend.api.feed import NAMESPACE, FeedNamespace
from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.rows import visible_to
from app.backend.core.run_events import Log, RunCompleted, RunOutput, RunStatus
from app.backend.identity.tables import SessionRow
from app.backend.runs.event_log import EventLog
from app.backend.runs.status import end_run
from app.backend.runs.tables import RunRow
from tests.asgi import served
from tests.factories.rows import MakeRun
from tests.isolation import read_all, without_ids

PATH = "_event"


class Tab:
    """A browser tab: what it got, answered at once, or when `answers` is set."""

    def __init__(self) -> None:
        self.client = socketio.AsyncClient(reconnection=False)
        self.seqs: list[int] = []
        self._seq = 0
        self.sizes: list[int] = []
        self.ended = asyncio.Event()
        self.answers = asyncio.Event()
        self.answers.set()
        self.status = ""
        self.client.on("begin", self._begin, namespace=NAMESPACE)
        self.client.on("batch", self._take, namespace=NAMESPACE)
        self.client.on("end", self._end, namespace=NAMESPACE)

    async def ask(self, what: str, **request: Any) -> dict[str, Any]:
        answer = await self.client.call(what, request, namespace=NAMESPACE, timeout=10)
        assert answer is not None
        return answer

    async def _begin(self, stream: dict[str, Any]) -> None:
        self._seq = stream["after"]

    async def _take(self, _stream: int, items: list[Any]) -> None:
        rows = [item for item in items if isinstance(item, list)]
        self.sizes.append(len(rows))
        self.seqs += range(self._seq + 1, self._seq + len(rows) + 1)
        self._seq += len(rows)
        await self.answers.wait()

    async def _end(self, end: dict[str, Any]) -> None:
        self.status = end["status"]
        self.ended.set()


OpenTab = Callable[..., Awaitable[Tab]]


@pytest.fixture
async def address(services: Services) -> AsyncGenerator[str, None]:
    """A server with the namespace and nothing else."""
    server = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=[])
    server.register_namespace(FeedNamespace(lambda: services))
    app = socketio.ASGIApp(server, socketio_path=PATH)
    async with served(app) as url:
        yield url
    await server.shutdown()


@pytest.fixture
async def open_tab(
    address: str, cookie: dict[str, str]
) -> AsyncGenerator[OpenTab, None]:
    """`await open_tab()` is a tab of the signed-in owner."""
    opened: list[Tab] = []

    async def make(**headers: str) -> Tab:
        tab = Tab()
        opened.append(tab)
        await tab.client.connect(
            address,
            headers={**cookie, "Origin": address, **headers},
            namespaces=[NAMESPACE],
            socketio_path=PATH,
            transports=["websocket"],
        )
        return tab

    yield make
    for tab in opened:
        await tab.client.disconnect()


class Talker:
    """A run that talks as it is told."""

    def __init__(self, services: Services, row: RunRow) -> None:
        self._db = services.db
        self.row = row
        self.log = EventLog(services.db, row, services.streams.add)

    async def say(self, count: int) -> None:
        for number in range(count):
            self.log.append(Log(message=f"Line {number}."))
        await self.log.flush()

    async def end(self) -> None:
        done = RunCompleted(output=RunOutput(answer="Yes."), milliseconds=1)
        async with self._db.transaction() as session:
            ended = await end_run(session, self.row.id, done, epoch=1)
        assert ended is not None
        await self.log.tell(ended[1])


@pytest.fixture
async def talker(
    services: Services, actor: Actor, make_run: MakeRun
) -> AsyncGenerator[Talker, None]:
    """A running run of the owner."""
    made = Talker(services, await make_run(actor, status=RunStatus.RUNNING, epoch=1))
    async with made.log:
        yield made


async def test_follow_gives_backlog_then_live_batches_then_the_end(
    open_tab: OpenTab, talker: Talker
) -> None:
    await talker.say(1200)
    tab = await open_tab()

    answer = await tab.ask("follow", run_id=str(talker.row.id))
    for _ in range(10):
        await talker.say(3)
    await talker.end()
    async with asyncio.timeout(20):
        await tab.ended.wait()

    assert answer == {"ok": True, "last_seq": 1200, "status": "running"}
    assert tab.seqs == list(range(1, 1232))
    assert max(tab.sizes) <= 500
    assert tab.status == "completed"


async def test_tab_that_does_not_answer_gets_two_batches_and_the_rest_when_it_does(
    open_tab: OpenTab, talker: Talker, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits, wait = asyncio.Event(), feed.wait_for_answer

    async def note(answered: asyncio.Future[None]) -> None:
        waits.set()
        await wait(answered)

    monkeypatch.setattr(feed, "wait_for_answer", note)
    await talker.say(1700)
    await talker.end()
    tab = await open_tab()
    tab.answers.clear()

    await tab.ask("follow", run_id=str(talker.row.id))
    async with asyncio.timeout(20):
        await waits.wait()
        # What was sent before this question has come before its answer.
        await tab.ask("counts", run_id=str(talker.row.id))
    assert tab.sizes == [500, 500]

    tab.answers.set()
    async with asyncio.timeout(20):
        await tab.ended.wait()
    assert tab.seqs == list(range(1, 1702))


async def test_follow_resumes_where_the_tab_stopped_or_from_the_tail(
    open_tab: OpenTab, talker: Talker
) -> None:
    await talker.say(20)
    await talker.end()
    resuming, opening = await open_tab(), await open_tab()

    await resuming.ask("follow", run_id=str(talker.row.id), after=18)
    await opening.ask("follow", run_id=str(talker.row.id), tail=5)
    async with asyncio.timeout(10):
        await resuming.ended.wait()
        await opening.ended.wait()

    assert resuming.seqs == [19, 20, 21]
    assert opening.seqs == [17, 18, 19, 20, 21]


async def test_page_and_counts_read_the_log(open_tab: OpenTab, talker: Talker) -> None:
    await talker.say(30)
    tab = await open_tab()
    run_id = str(talker.row.id)

    older = await tab.ask("page", run_id=run_id, before=11, limit=4)
    found = await tab.ask("page", run_id=run_id, after=0, text="line 7")
    matched = await tab.ask("page", run_id=run_id, text=r"^Line 1\d[.]$", is_regex=True)
    wrong = await tab.ask("page", run_id=run_id, text="[", is_regex=True)
    counts = await tab.ask("counts", run_id=run_id)

    assert [event["seq"] for event in matched["items"]] == list(range(11, 21))
    assert (wrong["ok"], wrong["code"]) == (False, "VALIDATION_FAILED")
    assert [event["seq"] for event in older["items"]] == [7, 8, 9, 10]
    assert older["has_more"] is True
    assert [event["seq"] for event in found["items"]] == [8]
    assert (counts["ok"], counts["by_type"]) == (True, {"log": 30})
    assert sum(part["count"] for part in counts["strip"]) == 30


@pytest.mark.parametrize(
    "request_body",
    [{}, {"run_id": "no"}, {"run_id": str(uuid4()), "after": -1}],
    ids=["empty", "no id", "negative"],
)
async def test_malformed_request_gets_an_answer(
    open_tab: OpenTab, request_body: dict[str, Any]
) -> None:
    tab = await open_tab()

    answer = await tab.ask("follow", **request_body)

    assert answer["ok"] is False
    assert answer["code"] == "VALIDATION_FAILED"


async def test_foreign_run_looks_like_none_in_every_request(
    open_tab: OpenTab,
    services: Services,
    actor: Actor,
    other_actor: Actor,
    make_run: MakeRun,
) -> None:
    tab = await open_tab()
    own, foreign = await make_run(actor), await make_run(other_actor)
    before = await read_all(services)
    requests = {
        name.removeprefix("on_") for name in vars(FeedNamespace) if name[:3] == "on_"
    }

    for what in requests - {"connect", "disconnect"}:
        absent, theirs, mine = [
            without_ids(str(await tab.ask(what, run_id=str(run_id))))
            for run_id in (uuid4(), foreign.id, own.id)
        ]

        assert theirs == absent, what
        # Nothing is looked up to stop following.
        assert (mine == absent) is (what == "unfollow"), what

    assert await read_all(services) == before


@pytest.mark.parametrize(
    "headers",
    [{"Cookie": ""}, {"Cookie": "atelier=x"}, {"Origin": "https://evil.example"}],
    ids=["no cookie", "wrong cookie", "foreign page"],
)
async def test_strangers_are_refused(
    open_tab: OpenTab, headers: dict[str, str]
) -> None:
    with pytest.raises(CannotConnect):
        await open_tab(**headers)


async def test_login_that_ended_may_ask_nothing_more(
    open_tab: OpenTab, talker: Talker, services: Services, actor: Actor
) -> None:
    tab = await open_tab()
    async with services.db.transaction() as session:
        for row in await session.exec(_logins(actor)):
            row.revoked_at = clock.now()
            session.add(row)

    answer = await tab.ask("follow", run_id=str(talker.row.id))

    assert (answer["ok"], answer["code"]) == (False, "AUTH_REQUIRED")


async def test_tab_that_closes_leaves_nothing_behind(
    open_tab: OpenTab, talker: Talker, services: Services
) -> None:
    tab = await open_tab()
    await talker.say(1)
    await tab.ask("follow", run_id=str(talker.row.id))
    assert services.feed.followed == 1

    await tab.client.disconnect()
    async with asyncio.timeout(5):
        while services.feed.followed:
            await talker.say(1)


def _logins(actor: Actor) -> Any:
    return visible_to(actor, SessionRow)
