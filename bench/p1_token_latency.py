"""P1: from a token in a worker to the browser's page and to clients of the API, beside bare Redis streams as SSE."""

import asyncio
import multiprocessing
import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from time import time
from uuid import UUID

from playwright.async_api import Page, StorageState

from app.backend.bootstrap import Services
from app.backend.core import ids
from app.backend.core.run_events import RunStatus
from app.backend.core.stored_events import RunEvent
from app.routes import run_path
from bench.bare_stream import END, FIELD, bare_stream
from bench.report import Row, percentile, report
from bench.running import (
    ProcessorTime,
    fresh_window,
    running_product,
    sign_up,
    until,
)
from bench.stream_clients import RATE, listen, times_of
from tests.factories.rows import RowFactory
from tests.product import Product, parts_of
from tests.runs import Runs

ROUNDS = 3
PROCESS_SLOTS = "ATELIER_WORKER_PROCESS_SLOTS"
RUNS = 50
SECONDS = 8.0  # in which tokens count
CONNECT_SECONDS = 3.0
START_SECONDS = 60.0
WINDOW_SECONDS = 0.05
# Five workers have sixty slots by default.
WORKERS = int(os.environ.get("BENCH_WORKERS", "5"))
MODEL = f'scripted/{{"tokens": {RATE * 120}, "tokens_per_second": {RATE}}}'
GOAL = "p50 40 ms, p99 150 ms, 60 µs of processor time a token"
OURS, PAGE, BARE = "API stream", "page of one of the runs", "bare Redis streams as SSE"
WHO = ("rest", "writer", "web", "Valkey")
# As the API says it, in one line for all of a batch.
EVENT = '{{"ts":"{now}","type":"message_delta","payload":{{"text":"word "}}}} '
# Notes in each frame how many words of the answer are on the page.
WATCH = """() => { window.seen = []; let words = 0; const look = () => {
  const text = document.querySelector('[data-testid=answer-text]')?.textContent ?? '';
  const now = (text.match(/word\\d+/g) ?? []).length;
  if (now > words) { words = now; window.seen.push([performance.timeOrigin + performance.now(), now]); }
  requestAnimationFrame(look);
}; look(); }"""


class Clients:
    """Hears streams in another process, and tells what they cost meanwhile."""

    def __init__(self, pool: ProcessPoolExecutor, cookie: str) -> None:
        self._pool, self._cookie = pool, cookie
        self._spent = ProcessorTime()

    async def warm_up(self) -> None:
        """Return when the other process is there; it imports as much as this one."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._pool, listen, 0, (), "", 0.0, 0.0)

    async def hear(
        self, port: int, paths: Sequence[str], since: float, ends: asyncio.Event
    ) -> tuple[list[float], dict[str, float]]:
        """Return how old tokens were from `since` on, and the processor time of that time; then `ends` is set."""
        until = since + SECONDS
        hearing = asyncio.get_running_loop().run_in_executor(
            self._pool, listen, port, paths, self._cookie, since, until
        )
        await asyncio.sleep(since - time())
        self._spent.take()
        await asyncio.sleep(until - time())
        spent = self._spent.take()
        ends.set()
        return await hearing, spent


async def hear_ours(
    runs: Runs,
    agent_id: UUID,
    product: Product,
    page: Page,
    clients: Clients,
) -> tuple[list[float], list[float], dict[str, float]]:
    """Let fifty runs speak at once; returns what clients and the page saw, and what it cost."""
    started = [await runs.start(agent_id) for _ in range(RUNS)]
    ids_of_runs = [run.id for run in started]
    for run_id in ids_of_runs:
        await runs.wait(
            run_id, lambda run: run.status == RunStatus.RUNNING, seconds=START_SECONDS
        )
    await page.goto(product.url + run_path(ids_of_runs[0]))
    await until(page, "document.querySelector('[data-testid=answer-text]')")
    await page.evaluate(WATCH)
    ends = asyncio.Event()

    async def stop() -> None:
        await ends.wait()
        for run_id in ids_of_runs:
            await runs.stop(run_id)

    stopping = asyncio.create_task(stop())
    since = time() + CONNECT_SECONDS
    paths = [f"/api/v1/runs/{run_id}/events?after=0" for run_id in ids_of_runs]
    ages, spent = await clients.hear(product.port, paths, since, ends)
    await stopping
    shown: list[tuple[float, int]] = await page.evaluate("window.seen")
    events = await runs.events(ids_of_runs[0])
    return ages, _ages_shown(events, shown, since), spent


def _ages_shown(
    events: Sequence[RunEvent], shown: Sequence[tuple[float, int]], since: float
) -> list[float]:
    """Return how old the words were when the page had them."""
    made = [
        one
        for event in events
        if event.type == "message_delta"
        for one in times_of(event.ts, event.payload["text"])
    ]
    ages: list[float] = []
    before = 0
    for at, words in shown:
        new = made[before:words]
        ages += [at - ts * 1000 for ts in new if since <= ts < since + SECONDS]
        before = words
    return ages


async def hear_bare(
    services: Services, port: int, clients: Clients
) -> tuple[list[float], dict[str, float]]:
    """Say as much through streams of Redis, in batches of one window."""
    keys = [f"bench:{ids.new_id()}" for _ in range(RUNS)]
    ends = asyncio.Event()

    waiting = defaultdict[str, str](str)

    async def speak() -> None:
        while not ends.is_set():
            await asyncio.sleep(1 / RATE)
            now = datetime.now(UTC).isoformat()
            for key in keys:
                waiting[key] += EVENT.format(now=now)

    async def send() -> None:
        while not ends.is_set():
            await asyncio.sleep(WINDOW_SECONDS)
            said = dict(waiting)
            waiting.clear()
            await _send(services, said)
        await _send(services, dict.fromkeys(keys, END.decode()))

    speaking = asyncio.gather(speak(), send())
    since = time() + CONNECT_SECONDS
    ages, spent = await clients.hear(port, [f"/{key}" for key in keys], since, ends)
    await speaking
    return ages, spent


async def _send(services: Services, said: dict[str, str]) -> None:
    async with services.redis.pipeline(transaction=False) as pipe:
        for key, text in said.items():
            pipe.xadd(key, {FIELD: text})
            pipe.expire(key, 60)
        await pipe.execute()


async def main(slots: int) -> None:
    """Hear ours and the bare streams in turn, some rounds; `slots` is for how many runs share a process."""
    ages = defaultdict[str, list[float]](list)
    spent: dict[str, dict[str, float]] = {
        way: dict.fromkeys(WHO, 0.0) for way in (OURS, BARE)
    }

    def keep(way: str, found: list[float], took: dict[str, float]) -> None:
        ages[way] += found
        for name in WHO:
            spent[way][name] += took.get(name, 0.0)

    context = multiprocessing.get_context("spawn")
    with (
        running_product(
            "--workers", str(WORKERS), environment={PROCESS_SLOTS: str(slots)}
        ) as product,
        ProcessPoolExecutor(1, mp_context=context) as pool,
    ):
        login = sign_up(product)
        async with (
            parts_of(product) as (services, actor),
            fresh_window(login) as window,
        ):
            agent = await RowFactory(services.db).agent(
                actor, model=MODEL, max_tokens=10_000
            )
            runs, page = Runs(services, actor), await window.new_page()
            clients = Clients(pool, _cookie(login))
            await clients.warm_up()
            with bare_stream(services.settings.redis_url) as port:
                for _ in range(ROUNDS):
                    found, shown, took = await hear_ours(
                        runs, agent.id, product, page, clients
                    )
                    keep(OURS, found, took)
                    ages[PAGE] += shown
                    keep(BARE, *await hear_bare(services, port, clients))
    rows = [_row(way, ages[way], spent.get(way, {})) for way in (OURS, PAGE, BARE)]
    title = f"P1: age of a token, {RUNS} runs of {RATE} tokens a second"
    report("p1_token_latency", title, rows, goal=GOAL)


def _cookie(login: StorageState) -> str:
    (cookie,) = login.get("cookies", [])
    return f"{cookie.get('name')}={cookie.get('value')}"


def _row(way: str, ages: list[float], spent: dict[str, float]) -> Row:
    tokens = max(len(ages), 1)
    micro = {name: 1e6 * seconds / tokens for name, seconds in spent.items()}
    return {
        "way": way,
        "tokens": len(ages),
        "p50 ms": percentile(ages, 50),
        "p99 ms": percentile(ages, 99),
        "workers µs": micro.get("rest", ""),
        "bare writer µs": micro.get("writer", ""),
        "web µs": micro.get("web", ""),
        "Valkey µs": micro.get("Valkey", ""),
    }


if __name__ == "__main__":
    asyncio.run(main(int(os.environ.get(PROCESS_SLOTS, "1"))))
