"""P2: bytes to the browser, and lines a second, for a log of 2,000 and 20,000 lines and an answer of 2,000 tokens."""

import asyncio
import gc
from collections.abc import Callable, Iterator

from playwright.async_api import Page

from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.run_events import Event, Log, MessageDelta
from app.routes import run_path
from bench.report import percentile, report
from bench.running import (
    Frames,
    OpenRun,
    ProcessorTime,
    fresh_window,
    running_product,
    sign_up,
    until,
)
from tests.product import parts_of

ROUNDS = 3
GOAL = "at most 1.5 bytes a byte of text; 10 x the lines at most 11 x the bytes; 20,000 lines/s"
RATE = 200
Feed = Callable[[], Iterator[tuple[Event, float]]]


def lines(count: int) -> Iterator[tuple[Event, float]]:
    """Yield log lines as fast as they are taken."""
    for number in range(count):
        text = f"line {number}: checked the invoice against the order, nothing to correct, next one"
        yield Log(message=text), 0.0


def tokens(count: int, *, rate: int) -> Iterator[tuple[Event, float]]:
    """Yield the tokens of an answer at `rate` a second."""
    message_id = ids.new_id()
    for number in range(count):
        yield MessageDelta(message_id=message_id, text=f"word{number} "), number / rate


async def produce(run: OpenRun, feed: Iterator[tuple[Event, float]]) -> int:
    """Append the events when they are due; returns the bytes of their text."""
    began, size = clock.monotonic(), 0
    for count, (event, due) in enumerate(feed):
        wait = due - (clock.monotonic() - began)
        # Let the writer work now and then, as a model that streams would.
        if wait > 0 or count % 500 == 0:
            await asyncio.sleep(max(wait, 0))
        run.log.append(event)
        size += len(
            event.message if isinstance(event, Log) else getattr(event, "text", "")
        )
    await run.log.flush()
    return size


async def measure(
    services: Services,
    actor: Actor,
    page: Page,
    url: str,
    spent: ProcessorTime,
    feed: Iterator[tuple[Event, float]],
) -> dict[str, float]:
    """Show a run in the page while its log grows by `feed`."""
    async with OpenRun.begin(services, actor) as run:
        run.log.append(Log(message="begin"))
        await run.log.flush()
        frames = await Frames.of(page)
        await page.goto(url + run_path(run.row.id))
        shown = "document.querySelector('[data-testid=event-log]')?.dataset.count"
        # The log opens before the page's own first data, which are not what is measured here.
        await until(page, f"{shown} >= 1 && !document.querySelector('.skeleton')")
        frames.take()
        spent.take()
        began = clock.monotonic()
        size = await produce(run, feed)
        await until(page, f"{shown} >= {run.log.last_seq}")
        seconds = clock.monotonic() - began
        received, count = frames.take()
        return {
            "text bytes": size,
            "bytes": received,
            "frames": count,
            "seconds": seconds,
            "events": run.log.last_seq,
            **{f"{name} s": took for name, took in spent.take().items()},
        }


async def main() -> None:
    """Measure the three feeds, interleaved, three rounds."""
    cases: dict[str, Feed] = {
        "2,000 lines": lambda: lines(2_000),
        "20,000 lines": lambda: lines(20_000),
        f"2,000 tokens, {RATE}/s": lambda: tokens(2_000, rate=RATE),
        "2,000 tokens at once": lambda: tokens(2_000, rate=10**9),
    }
    found: dict[str, list[dict[str, float]]] = {name: [] for name in cases}
    with running_product("--workers", "1") as product:
        login = sign_up(product)
        async with (
            parts_of(product) as (services, actor),
            fresh_window(login) as window,
        ):
            page = await window.new_page()
            spent = ProcessorTime()
            gc.collect()
            gc.freeze()  # as a worker does before its first job
            for _ in range(ROUNDS):
                for name, feed in cases.items():
                    found[name].append(
                        await measure(services, actor, page, product.url, spent, feed())
                    )
    rows = [_row(name, measured) for name, measured in found.items()]
    report(
        "p2_log_bytes",
        "P2: what a live log costs on the wire (median of 3)",
        rows,
        goal=GOAL,
    )


def _row(name: str, measured: list[dict[str, float]]) -> dict[str, str | float | int]:
    middle = {
        column: percentile([one[column] for one in measured], 50)
        for column in measured[0]
    }
    units = 2_000 if name.startswith("2,000") else 20_000
    return {
        "case": name,
        "text": int(middle["text bytes"]),
        "bytes": int(middle["bytes"]),
        "bytes/text": round(middle["bytes"] / middle["text bytes"], 2),
        "frames": int(middle["frames"]),
        "events": int(middle["events"]),
        "per second": int(units / middle["seconds"]),
        **{
            f"{name} µs": int(1e6 * middle[f"{name} s"] / units)
            for name in ("writer", "web", "browser", "Valkey")
        },
    }


if __name__ == "__main__":
    asyncio.run(main())
