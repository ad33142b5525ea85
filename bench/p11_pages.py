"""P11: every page with a cold cache: first paint, usable, bytes transferred, requests."""

import asyncio
from collections import defaultdict
from typing import Any

from playwright.async_api import CDPSession, Page, StorageState

from app import routes
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.run_events import Log
from app.backend.knowledge import service as knowledge
from bench.reflex_floor import bare_reflex
from bench.report import percentile, report
from bench.running import (
    OpenRun,
    fresh_window,
    running_product,
    sign_up,
    until,
)
from tests.factories.rows import RowFactory
from tests.product import Product, parts_of

ROUNDS = 5
GOAL = "first paint 300 ms, usable 500 ms, 560 KB, 20 requests on every page"
# Usable: the heading is there, the socket has brought the first data, and nothing says that it is busy.
USABLE = """
window.__usable = 0;
const look = () => {
  const heading = document.querySelector('h1');
  const busy = document.querySelector('[aria-busy="true"], .skeleton');
  // Where it lies is asked last: each time costs a layout, which the page would pay for.
  if (!busy && heading && heading.getClientRects().length) {
    if (!window.__usable) window.__usable = performance.now();
  } else { window.__usable = 0; }
  requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""


class Traffic:
    """What a page loads, as the network layer of the browser counts it."""

    def __init__(self, session: CDPSession) -> None:
        self.bytes = 0
        self.requests = 0
        session.on("Network.requestWillBeSent", self._note_request)
        session.on("Network.loadingFinished", self._note_end)
        session.on("Network.webSocketCreated", self._note_socket)

    def _note_request(self, event: dict[str, Any]) -> None:
        self.requests += not event["request"]["url"].startswith("data:")

    def _note_socket(self, _event: dict[str, Any]) -> None:
        self.requests += 1

    def _note_end(self, event: dict[str, Any]) -> None:
        self.bytes += int(event["encodedDataLength"])


async def measure(login: StorageState, url: str) -> dict[str, float]:
    """Open `url` in a browser that has never seen the product."""
    async with fresh_window(login) as context:
        page = await context.new_page()
        session = await context.new_cdp_session(page)
        await session.send("Network.enable")
        traffic = Traffic(session)
        await page.add_init_script(USABLE)
        await page.goto(url, wait_until="load")
        usable = await _settled(page)
        paint = await page.evaluate(
            "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        )
        return {
            "first paint ms": paint,
            "usable ms": usable,
            "KB": traffic.bytes / 1000,
            "requests": traffic.requests,
        }


async def _settled(page: Page) -> float:
    await page.wait_for_load_state("networkidle")
    await until(page, "window.__usable > 0")
    return await page.evaluate("window.__usable")


async def paths(product: Product) -> dict[str, str]:
    """Return one address for each kind of page."""
    async with parts_of(product) as (services, actor):
        examples = await _example_paths(services, actor)
    return {
        "login": routes.LOGIN,
        "dashboard": routes.DASHBOARD,
        "agents": routes.AGENTS,
        "new agent": routes.AGENT_NEW,
        **examples,
        "runs": routes.RUNS,
        "knowledge": routes.KNOWLEDGE,
        "models": routes.MODELS,
        "playground": routes.PLAYGROUND,
        "usage": routes.USAGE,
        "people": routes.PEOPLE,
        "audit": routes.AUDIT,
        "system": routes.SYSTEM,
        "settings": routes.SETTINGS,
    }


async def _example_paths(services: Services, owner: Actor) -> dict[str, str]:
    async with OpenRun.begin(services, owner) as run:
        run.log.append(Log(message="begin"))
        await run.end(services)
    rows = RowFactory(services.db)
    agent = await rows.agent(owner)
    collection = await rows.collection(owner)
    async with services.db.read() as session:
        (document,) = (await knowledge.list_documents(session, owner, limit=1)).items
    return {
        "agent": routes.agent_path(agent.id),
        "agent editor": routes.agent_edit_path(agent.id),
        "run": routes.run_path(run.row.id),
        "collection": routes.collection_path(collection.id),
        "document": routes.document_path(document.id),
    }


async def main() -> None:
    """Measure all pages and an almost empty app, interleaved."""
    with bare_reflex() as floor, running_product("--workers", "1") as product:
        login = sign_up(product)
        urls = {"an almost empty Reflex app": floor} | {
            name: product.url + path for name, path in (await paths(product)).items()
        }
        found: dict[str, list[dict[str, float]]] = defaultdict(list)
        for _ in range(ROUNDS):
            for name, url in urls.items():
                found[name].append(await measure(login, url))
    rows = [
        {
            "page": name,
            **{
                column: round(percentile([one[column] for one in measured], 50), 1)
                for column in measured[0]
            },
        }
        for name, measured in found.items()
    ]
    report("p11_pages", "P11: pages with a cold cache (median of 5)", rows, goal=GOAL)


if __name__ == "__main__":
    asyncio.run(main())
