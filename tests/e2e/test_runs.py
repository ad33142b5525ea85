"""Watching, stopping, sharing and losing sight of a run."""

import re
from collections.abc import AsyncGenerator

import pytest

from app.backend.agents.tables import AgentRow
from app.routes import agent_path
from tests.e2e.browser import PHONE, Tab
from tests.e2e.conftest import NewTab
from tests.e2e.run_page import RUN_SECONDS, RunPage
from tests.factories.rows import RowFactory
from tests.product import Product, parts_of

STOP_SECONDS = 1.5  # one for the promise, the rest for the browser
WORDS = [f"word{number}" for number in range(1, 401)]  # all that `rate-40` says


@pytest.fixture
async def talker(product: Product, login: object) -> AsyncGenerator[AgentRow, None]:
    """An agent that talks for ten seconds."""
    async with parts_of(product) as (services, owner):
        yield await RowFactory(services.db).agent(
            owner, name="Talker", model="scripted/rate-40"
        )


async def test_stop_in_the_middle_keeps_the_text(tab: Tab, talker: AgentRow) -> None:
    await tab.go(agent_path(talker.id))
    run = RunPage(tab)
    await run.ask("Tell me a lot.")
    await run.says("word10 ")

    await tab.page.get_by_role("button", name="Stop").click()

    await run.has_status("stopped", seconds=STOP_SECONDS)
    words = await run.words()
    assert 10 <= len(words) < len(WORDS)
    assert words == WORDS[: len(words)]
    assert await tab.axe_violations() == []


async def test_second_window_and_reload_show_the_same_complete_log(
    new_tab: NewTab, talker: AgentRow
) -> None:
    first, second = await new_tab(), await new_tab(size=PHONE)
    await first.go(agent_path(talker.id))
    left, right = RunPage(first), RunPage(second)
    await left.ask("Tell me a lot.")
    await left.says("word5 ")
    link = first.page.get_by_role("link", name="Open run")
    await second.go(await link.get_attribute("href") or "")
    await right.says("word40 ")

    await first.page.reload()

    for page in (left, right):
        await page.has_status("completed")
        await page.says("word400")
        assert await page.words() == WORDS
    assert await left.count() == await right.count()
    assert await second.overflow() == 0


async def test_page_catches_up_after_the_server_restarted(
    tab: Tab, product: Product, talker: AgentRow
) -> None:
    tab.expected += [r"WebSocket", r"ERR_CONNECTION_REFUSED", r"ERR_EMPTY_RESPONSE"]
    await tab.go(agent_path(talker.id))
    run = RunPage(tab)
    await run.ask("Tell me a lot.")
    await run.says("word5 ")

    product.kill_web()

    banner = tab.page.get_by_role("status").filter(has_text="Reconnecting")
    await banner.wait_for()
    assert "your agents keep running" in await banner.inner_text()
    # It is there for seconds only, so it is waited for before the end of the run.
    back = tab.page.get_by_text(re.compile("Back online"))
    await back.wait_for(timeout=RUN_SECONDS * 1000)
    await run.has_status("completed")
    await run.says("word400")
    assert await run.words() == WORDS
