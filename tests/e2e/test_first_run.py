"""From the one-time link to a cited answer, on a machine where nothing was prepared."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.browser import EMAIL, PASSWORD, Tab, new_context
from tests.e2e.run_page import RunPage
from tests.product import Product, manual_is_read


@pytest.fixture
def fresh(folder: Path) -> Iterator[Product]:
    """A product that nobody owns yet."""
    started = Product(folder / "fresh").start()
    yield started
    assert started.stop() == []
    assert started.complaints() == []


async def test_new_user_gets_a_cited_answer(fresh: Product, browser: Browser) -> None:
    tab = await Tab.open(await new_context(browser), fresh.url)
    page = tab.page
    await tab.go("/")
    await expect(page.get_by_text("one-time link that Atelier printed")).to_be_visible()
    await page.goto(fresh.link)

    await page.get_by_label("E-mail").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Create account").click()

    await page.wait_for_url(f"{fresh.url}/")
    await tab.settle()
    for agent in ("Document Q&A", "Quote finder", "Plain chat"):
        await expect(page.get_by_role("link", name=agent)).to_be_visible()
    await manual_is_read(fresh)
    card = page.get_by_role("listitem").filter(has_text="Document Q&A").first
    await card.get_by_role("button").first.click()

    run = RunPage(tab)
    await run.log.wait_for()
    await run.has_status("completed")
    await expect(run.log).to_contain_text("retrieving", ignore_case=True)
    mark = run.answer.get_by_role("button", name="[1]")
    await mark.first.click()
    passage = page.locator("#passage")
    await passage.wait_for()
    assert len(await passage.inner_text()) > 0
    assert await tab.axe_violations() == []
    assert tab.unexpected_errors() == []
