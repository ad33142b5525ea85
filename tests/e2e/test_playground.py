"""The playground in a browser: two models side by side, one stopped, one kept as an agent."""

import re

from playwright.async_api import expect

from app import routes
from tests.e2e.browser import PHONE, Tab
from tests.e2e.conftest import NewTab


async def _ask(tab: Tab, first: str, second: str) -> None:
    page = tab.page
    await tab.go(routes.PLAYGROUND)
    await page.locator("#prompt").fill("Where is the key?")
    await page.locator("#model_1").select_option(first)
    await page.locator("#model_2").select_option(second)
    await page.get_by_role("button", name="Ask").click()


async def test_models_answer_side_by_side(tab: Tab) -> None:
    page = tab.page
    await _ask(tab, "scripted/echo", "scripted/slow")
    quick = page.get_by_role("article", name="scripted/echo")
    slow = page.get_by_role("article", name="scripted/slow")

    await expect(quick).to_contain_text("Where is the key?")
    await expect(quick).to_contain_text("First token after")
    await expect(slow).to_contain_text("word1 ")
    assert await tab.axe_violations() == []
    await slow.get_by_role("button", name="Stop").click()
    await expect(slow).to_contain_text("Stopped")
    await expect(page.get_by_role("button", name="Stop all")).to_have_count(0)
    await quick.get_by_role("button", name="Save as an agent").click()
    await expect(page).to_have_url(re.compile(r"/agents/[^/]+/edit$"))
    await expect(page.locator("#name")).to_have_value("Agent with scripted/echo")
    await expect(page.locator("#model")).to_have_value("scripted/echo")


async def test_answers_fit_on_a_phone(new_tab: NewTab) -> None:
    tab = await new_tab(size=PHONE, is_dark=True)
    await _ask(tab, "scripted/echo", "scripted/hello")
    await expect(tab.page.get_by_text("Speed").last).to_be_visible()

    assert await tab.overflow() == 0
    assert await tab.axe_violations() == []
