"""A log of 100,000 events: how soon it is open, and how smoothly it scrolls."""

import asyncio
from statistics import median

from playwright.async_api import Page

from app.backend.bootstrap import Services
from app.backend.core import clock
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

EVENTS = 100_000
ROUNDS = 3
SECONDS = 4
GOAL = "open in 1 s, at least 50 frames a second while scrolling"
ROWS = "document.querySelectorAll('[data-testid=event-log] [data-seq]')"
# Turns the wheel in every frame and counts the frames, as a person with a fast wheel does.
SCROLL = """(seconds) => new Promise((resolve) => {
  const list = document.querySelector('[data-testid=event-log] [data-virtuoso-scroller]');
  const began = performance.now(); let frames = 0, last = began, longest = 0;
  const turn = (now) => {
    frames += 1; longest = Math.max(longest, now - last); last = now;
    list.scrollTop -= 300;
    if (now - began < seconds * 1000) requestAnimationFrame(turn);
    else resolve({fps: frames / ((now - began) / 1000), longest});
  };
  requestAnimationFrame(turn);
})"""


async def fill(services: Services, actor: Actor) -> str:
    """Write a finished run with `EVENTS` events and return its page."""
    async with OpenRun.begin(services, actor) as run:
        for number in range(1, EVENTS):
            text = f"line {number}: read a page, found nothing new, went on"
            run.log.append(Log(message=text))
            if number % 2_000 == 0:
                await run.log.flush()
        await run.end(services)
        return run_path(run.row.id)


async def measure(page: Page, url: str) -> dict[str, float]:
    """Open the run, wait for its last line, and scroll up."""
    began = clock.monotonic()
    await page.goto(url)
    usable = await until(page, f"[...{ROWS}].some(row => row.dataset.seq == {EVENTS})")
    wall = clock.monotonic() - began
    scrolled = await page.evaluate(SCROLL, SECONDS)
    return {"open ms": usable, "wall ms": wall * 1000, **scrolled}


async def main() -> None:
    """Open the log three times, each in a browser that has never seen it."""
    with running_product("--workers", "1") as product:
        login = sign_up(product)
        found: list[dict[str, float]] = []
        async with parts_of(product) as (services, actor):
            path = await fill(services, actor)
        for _ in range(ROUNDS):
            async with fresh_window(login) as window:
                found.append(await measure(await window.new_page(), product.url + path))
    rows = [
        {"measure": name, "median": round(median(one[name] for one in found), 1)}
        for name in found[0]
    ]
    report("log_100k", f"A log of {EVENTS:,} events", rows, goal=GOAL)


if __name__ == "__main__":
    asyncio.run(main())
