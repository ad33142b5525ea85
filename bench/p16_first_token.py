"""P16: how long the page adds before the first token, and how evenly 200 tokens a second are shown."""

import asyncio
import itertools
from statistics import median
from typing import Any

from playwright.async_api import Page

from app.routes import agent_path
from bench.reflex_floor import bare_reflex
from bench.report import percentile, report
from bench.running import fresh_window, running_product, sign_up, until
from tests.factories.rows import RowFactory
from tests.product import parts_of

ROUNDS = 5
# A reader reads before the next question; the page and the worker have settled by then.
PAUSE_SECONDS = 1.0
TURNS = 4
# The longest answer takes ten seconds.
ANSWER_SECONDS = 60
RATE, SECONDS = 200, 10
GOAL = "first turn 120 ms, later turns 70 ms; 200 tokens/s, no gap over 0.2 s"
# The scripted model speaks at once, so all of the time until the first word is ours.
HELLO = "scripted/echo"
STREAM = f'scripted/{{"tokens": {RATE * SECONDS}, "tokens_per_second": {RATE}}}'
# Clicks Run, then notes in each frame how many words of the answer to `question` are on the page.
ASK = """([question, words]) => new Promise((resolve) => {
  const said = () => [...document.querySelectorAll('[data-testid=answer-text]')].at(-1)?.innerText ?? '';
  const count = () => words > 1 ? (said().match(/word\\d+/g) ?? []).length : Number(said().includes(question));
  const seen = [];
  const began = performance.now();
  [...document.querySelectorAll('button')].find((button) => button.innerText.trim() === 'Run').click();
  const look = (now) => {
    const n = count();
    if (n && n !== seen.at(-1)?.[1]) seen.push([now - began, n]);
    if (n >= words) resolve(seen); else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""
COMPLETED = (
    "document.querySelector('[data-testid=event-log]')?.dataset.status === 'completed'"
)


async def ask(page: Page, question: str, words: int = 1) -> list[tuple[float, int]]:
    """Ask, and return when how many words were shown, in milliseconds after the click."""
    await page.get_by_role("textbox", name="Ask").fill(question)
    await page.get_by_role("button", name="Run", exact=True).wait_for()
    async with asyncio.timeout(ANSWER_SECONDS):
        seen: list[tuple[float, int]] = await page.evaluate(ASK, [question, words])
    return seen


def pace(seen: list[tuple[float, int]]) -> dict[str, float]:
    """Return tokens a second and the longest gap between two steps."""
    (first, before), (last, words) = seen[0], seen[-1]
    gaps = [after[0] - one[0] for one, after in itertools.pairwise(seen)]
    return {
        "tokens/s": (words - before) / (last - first) * 1000,
        "longest gap ms": max(gaps),
        "p95 gap ms": percentile(gaps, 95),
    }


async def main() -> None:
    """Measure turns and a long answer, three times in fresh browsers."""
    firsts: list[float] = []
    laters: list[float] = []
    floors: list[float] = []
    paces: list[dict[str, float]] = []
    with bare_reflex() as floor, running_product() as product:
        login = sign_up(product)
        async with parts_of(product) as (services, owner):
            rows = RowFactory(services.db)
            hello = await rows.agent(owner, name="Hello", model=HELLO)
            stream = await rows.agent(owner, name="Stream", model=STREAM)
        for _ in range(ROUNDS):
            async with fresh_window(login) as window:
                page = await window.new_page()
                await page.goto(floor)
                # Before that nobody listens to its button.
                await page.get_by_role("heading", name="Floor").wait_for()
                floors += [
                    (await ask(page, f"turn{turn}"))[0][0] for turn in range(TURNS)
                ]
                await page.goto(product.url + agent_path(hello.id))
                times: list[float] = []
                for turn in range(TURNS):
                    times.append((await ask(page, f"turn{turn}"))[0][0])
                    await until(page, COMPLETED)
                    await asyncio.sleep(PAUSE_SECONDS)
                firsts.append(times[0])
                laters += times[1:]
                await page.goto(product.url + agent_path(stream.id))
                paces.append(pace(await ask(page, "Say it.", RATE * SECONDS)))
    report(
        "p16_first_token",
        "P16: click to first token in the page",
        _rows(floors, firsts, laters, paces),
        goal=GOAL,
    )


def _rows(
    floors: list[float],
    firsts: list[float],
    laters: list[float],
    paces: list[dict[str, float]],
) -> list[dict[str, Any]]:
    measured = {
        "an event of an almost empty Reflex app ms (p50)": percentile(floors, 50),
        "first turn ms (p50)": percentile(firsts, 50),
        "later turns ms (p50)": percentile(laters, 50),
        "later turns ms (p99)": percentile(laters, 99),
        **{name: median(one[name] for one in paces) for name in paces[0]},
    }
    return [
        {"measure": name, "value": round(value, 1)} for name, value in measured.items()
    ]


if __name__ == "__main__":
    asyncio.run(main())
