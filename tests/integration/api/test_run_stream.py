"""A run's log as Server-Sent Events, over connections that break, sleep and go away."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from app.backend.agents.tables import AgentRow
from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from tests.factories.rows import MakeAgent
from tests.parts import wait_until
from tests.processes import Fork
from tests.runs import Runs, assert_log_is_whole

SILENCE_SECONDS_MAX = 15


class Stream:
    """The frames of one connection."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()

    async def lines(self) -> AsyncIterator[str]:
        """Yield line by line, with patience that ends."""
        while True:
            async with asyncio.timeout(30):
                try:
                    line = await anext(self._lines)
                except StopAsyncIteration:
                    return
            yield line

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the events, checked against their ids."""
        last_id = ""
        async for line in self.lines():
            if line.startswith("id: "):
                last_id = line.removeprefix("id: ")
            if line.startswith("data: "):
                event = json.loads(line.removeprefix("data: "))
                assert str(event["seq"]) == last_id
                yield event


class Browser:
    """Connects to the log of a run, and again where it was."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._headers = {"Authorization": key, "Accept": "text/event-stream"}

    @asynccontextmanager
    async def open(self, after: int | None = None) -> AsyncGenerator[Stream, None]:
        """Open a connection of its own."""
        headers = dict(self._headers)
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        async with (
            httpx.AsyncClient(headers=headers, timeout=30) as client,
            client.stream("GET", self._url) as answer,
        ):
            assert answer.status_code == 200
            yield Stream(answer)


@pytest.fixture
async def agent(actor: Actor, make_agent: MakeAgent) -> AgentRow:
    """An agent that speaks for a while."""
    return await make_agent(actor, model="scripted/rate-40")


async def _start(
    services: Services, actor: Actor, agent: AgentRow, served: str, key: str
) -> tuple[Any, Browser]:
    run = await Runs(services, actor).start(agent.id)
    return run.id, Browser(f"{served}/api/v1/runs/{run.id}/events", key)


@pytest.fixture
def key(client: httpx.AsyncClient) -> str:
    """What the owner's programs send."""
    return client.headers["Authorization"]


async def test_connections_that_break_lose_and_repeat_nothing(
    services: Services,
    actor: Actor,
    agent: AgentRow,
    served: str,
    key: str,
    worker: Fork,
) -> None:
    run_id, browser = await _start(services, actor, agent, served, key)
    seen: list[dict[str, Any]] = []
    connections = 0
    while not seen or seen[-1]["type"] != "run_completed":
        connections += 1
        async with browser.open(seen[-1]["seq"] if seen else None) as stream:
            before = len(seen)
            async for event in stream.events():
                seen.append(event)
                if len(seen) - before == 20:
                    break

    assert connections > 3
    stored = await Runs(services, actor).events(run_id)
    assert_log_is_whole(stored)
    assert [event["seq"] for event in seen] == [event.seq for event in stored]
    assert seen == [json.loads(event.model_dump_json()) for event in stored]


async def test_reader_that_sleeps_slows_nobody_and_misses_nothing(
    services: Services,
    actor: Actor,
    make_agent: MakeAgent,
    served: str,
    key: str,
    worker: Fork,
) -> None:
    long = await make_agent(actor, model="scripted/long-20000")
    run_id, browser = await _start(services, actor, long, served, key)
    async with browser.open() as asleep:
        async with browser.open() as awake:
            read = [event["seq"] async for event in awake.events()]
        run = await Runs(services, actor).get(run_id)
        late = [event["seq"] async for event in asleep.events()]

    assert run.status.is_terminal
    assert read == late == list(range(1, run.last_seq + 1))


async def test_silence_is_broken_and_a_browser_is_told_when_to_come_back(
    services: Services, actor: Actor, agent: AgentRow, served: str, key: str
) -> None:
    _, browser = await _start(services, actor, agent, served, key)
    async with browser.open() as stream:
        lines = stream.lines()
        first = await anext(lines)
        async for line in lines:
            if line.startswith("data: "):
                break
        began = clock.monotonic()
        async for line in lines:
            if line.startswith(":"):
                break

    assert first == "retry: 1000"
    assert clock.monotonic() - began < SILENCE_SECONDS_MAX


async def test_reader_that_goes_leaves_nothing_behind(
    services: Services, actor: Actor, agent: AgentRow, served: str, key: str
) -> None:
    _, browser = await _start(services, actor, agent, served, key)
    for _ in range(3):
        async with browser.open() as stream:
            await anext(stream.events())
            assert services.feed.followed == 1

    await asyncio.to_thread(
        wait_until,
        lambda: not services.feed.followed,
        seconds=20,
        what="What it followed is let go",
    )


async def test_stream_ends_with_the_run_and_then_says_not_to_come_back(
    services: Services,
    actor: Actor,
    make_agent: MakeAgent,
    served: str,
    key: str,
    worker: Fork,
    client: httpx.AsyncClient,
) -> None:
    agent = await make_agent(actor, model="scripted/hello")
    run_id, browser = await _start(services, actor, agent, served, key)
    async with browser.open() as stream:
        events = [event async for event in stream.events()]
    again = await client.get(
        f"/api/v1/runs/{run_id}/events",
        headers={
            "Accept": "text/event-stream",
            "Last-Event-ID": str(events[-1]["seq"]),
        },
    )

    assert events[-1]["type"] == "run_completed"
    assert again.status_code == 204
    assert not services.feed.followed
