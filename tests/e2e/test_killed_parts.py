"""Every part is killed while a run is watched: the page shows no more than that it reconnects."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Browser, expect

from app.backend.runs import service as runs
from app.backend.runs.schemas import EventFilter
from app.routes import agent_path
from tests.e2e.browser import Tab, create_owner, new_context
from tests.e2e.run_page import RUN_SECONDS, RunPage
from tests.factories.rows import RowFactory
from tests.product import Product, parts_of

# Ten seconds of words, begun again by each attempt.
TALKS = "scripted/rate-20"
WORDS = [f"word{number}" for number in range(1, 201)]
# The run's own process, its worker, and all that is between it and the page.
PARTS = (
    "rq:worker",
    "app.workers.worker",
    "valkey-server",
    "app.workers.scheduler",
    "granian",
)


@pytest.fixture
def killed(folder: Path) -> Iterator[Product]:
    """A product of its own: what is killed here writes down that it was."""
    started = Product(folder / "watched").start()
    yield started
    assert started.stop() == []
    shutil.rmtree(started.data_dir, ignore_errors=True)


async def test_page_shows_a_run_to_its_end_whatever_is_killed(
    killed: Product, browser: Browser
) -> None:
    login = create_owner(killed)
    async with parts_of(killed) as (services, owner):
        agent = await RowFactory(services.db).agent(owner, name="Talker", model=TALKS)
    tab = await Tab.open(await new_context(browser, state=login), killed.url)
    tab.expected += [r"WebSocket", r"ERR_CONNECTION_REFUSED", r"ERR_EMPTY_RESPONSE"]
    await tab.go(agent_path(agent.id))
    run = RunPage(tab)
    await run.ask("Tell me a lot.")

    for number, words in enumerate(PARTS):
        await run.says(f"word{20 + 20 * number} ")
        killed.kill_part(words)

    await run.has_status("completed", seconds=2 * RUN_SECONDS)
    assert await run.words() == WORDS
    await expect(tab.page.get_by_role("alert")).to_have_count(0)
    # A notice of a failure would stay until it is closed.
    await expect(tab.page.get_by_text("Something went wrong")).to_have_count(0)
    assert tab.unexpected_errors() == []
    run_id = UUID(tab.page.url.split("run=")[1])
    async with parts_of(killed) as (services, owner), services.db.read() as session:
        page = await runs.list_events(
            session, owner, run_id=run_id, filter=EventFilter(limit=1000)
        )
    assert [event.seq for event in page.items] == list(range(1, await run.count() + 1))
