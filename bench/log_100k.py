"""A log of 100,000 events beside one of 1,000: how soon it is open, and how smoothly it scrolls.

What grows with the log shows as a ratio, however busy the machine is.
"""

import asyncio
from statistics import median

from playwright.async_api import Page

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.run_events import Log
from app.routes import run_path
from bench.report import report
from bench.running import (
    OpenRun,
    fresh_window,
    running_product,
    sign_up,
    until,
)
from tests.product import parts_of

EVENTS = (1_000, 100_000)
ROUNDS = 3
SECONDS = 4
GOAL = "open in 1 s, at least 50 frames a second while scrolling"
ROWS = "document.querySelectorAll('[data-testid=event-log] [data-seq]')"
# Turns the wheel in every frame, 3,600 pixels a second, and counts the frames.
SCROLL = """(seconds) => new Promise((resolve) => {
  const list = document.querySelector('[data-testid=event-log] [data-virtuoso-scroller]');
  const began = performance.now(); let frames = 0, last = began, longest = 0;
  const turn = (now) => {
    frames += 1; longest = Math.max(longest, now - last); last = now;
    list.dispatchEvent(new WheelEvent('wheel', {deltaY: -60, bubbles: true}));
    list.scrollTop -= 60;
    if (now - began < seconds * 1000) requestAnimationFrame(turn);
    else resolve({'frames/s': frames / ((now - began) / 1000), 'longest frame ms': longest});
  };
  requestAnimationFrame(turn);
})"""


async def fill(services: Services, actor: Actor, events: int) -> str:
    """Write a finished run with so many events and return its page."""
    async with OpenRun.begin(services, actor) as run:
        for number in range(1, events):
            text = f"line {number}: read a page, found nothing new, went on"
            run.log.append(Log(message=text))
            if number % 2_000 == 0:
                await run.log.flush()
        await run.end(services)
        return run_path(run.row.id)


async def measure(page: Page, url: str, events: int) -> dict[str, float]:
    """Open the run, wait for its last line, and scroll up."""
    await page.goto(url)
    opened = await until(page, f"[...{ROWS}].some(row => row.dataset.seq == {events})")
    return {"open ms": opened, **await page.evaluate(SCROLL, SECONDS)}


async def main() -> None:
    """Open both logs three times in turn, each in a browser that has never seen it."""
    found: dict[int, list[dict[str, float]]] = {events: [] for events in EVENTS}
    with running_product("--workers", "1") as product:
        login = sign_up(product)
        async with parts_of(product) as (services, actor):
            paths = {events: await fill(services, actor, events) for events in EVENTS}
        for events in EVENTS * ROUNDS:
            async with fresh_window(login) as window:
                page = await window.new_page()
                found[events].append(
                    await measure(page, product.url + paths[events], events)
                )
    rows = [
        {
            "events": events,
            **{
                name: round(median(one[name] for one in measured), 1)
                for name in measured[0]
            },
        }
        for events, measured in found.items()
    ]
    report("log_100k", "A log of 100,000 events (median of 3)", rows, goal=GOAL)


if __name__ == "__main__":
    asyncio.run(main())
