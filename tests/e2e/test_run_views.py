"""The views of one run: one bar of tabs, one feed, and an address that shows the same again."""

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.e2e.browser import PHONE, SECONDS
from tests.e2e.conftest import NewTab
from tests.e2e.run_page import RunPage, start_run
from tests.product import Product

TABS = ["Log", "Steps", "Timeline", "Graph", "State", "Raw"]
# Words of bars that reach beyond the place of the bars, where they are not seen.
CUT_OFF = """() => [...document.querySelectorAll('[data-step]')].flatMap((step) => {
    const area = step.lastElementChild;
    const { left, right } = area.getBoundingClientRect();
    return [...area.querySelectorAll('span')].filter((words) => {
        const box = words.getBoundingClientRect();
        return words.textContent && (box.left < left - 1 || box.right > right + 1);
    }).map((words) => words.textContent);
})"""

# Whether the lines of the log lie still, at their end, for half a second.
AT_REST = """() => new Promise((resolve) => {
    const list = document.querySelector('[data-virtuoso-scroller]');
    const seen = new Set();
    const look = (left) => {
        seen.add(`${list.scrollTop + list.clientHeight} of ${list.scrollHeight}`);
        if (left) requestAnimationFrame(() => look(left - 1));
        else resolve(seen.size === 1 && list.scrollTop + list.clientHeight > list.scrollHeight - 2);
    };
    look(30);
})"""


@pytest.fixture
async def path(product: Product, login: object) -> str:
    """Where a run is shown that has thought and answered."""
    return await start_run(product, "scripted/thinks")


async def test_tabs_are_reached_by_keys(new_tab: NewTab, path: str) -> None:
    tab = await new_tab(is_dark=True)
    await tab.go(path)
    bar = tab.page.get_by_role("tablist", name="Views of this run")
    await RunPage(tab).has_status("completed")
    await bar.get_by_role("tab", name="Log").focus()

    problems: list[str] = []
    for name in TABS[1:]:
        await tab.page.keyboard.press("ArrowRight")
        await expect(bar.get_by_role("tab", name=name)).to_be_focused()
        panel = tab.page.get_by_role("tabpanel", name=name)
        await expect(panel.locator(".skeleton")).to_have_count(0)
        problems += await tab.axe_violations()

    assert problems == []
    await expect(RunPage(tab).log).to_contain_text('"type":"run_completed"')
    await tab.page.keyboard.press("Home")
    await expect(bar.get_by_role("tab", name="Log")).to_be_focused()
    assert "tab=" not in tab.page.url


async def test_address_shows_the_same_step_again(new_tab: NewTab, path: str) -> None:
    tab, phone = await new_tab(), await new_tab(size=PHONE)
    await tab.go(f"{path}?tab=graph")
    await RunPage(tab).has_status("completed")
    node = tab.page.get_by_role("button", name="Generate, done")
    await expect(node).to_have_attribute("data-node", "generate")
    await tab.page.get_by_role("tab", name="Steps").click()
    await tab.page.get_by_role("button", name="scripted/thinks done").click()

    await tab.page.reload()
    await phone.go(tab.page.url.removeprefix(tab.url))

    for seen in (tab, phone):
        step = seen.page.get_by_role("region", name="Step")
        await expect(step).to_contain_text("Finish reason")
        assert await seen.overflow() == 0
    assert await phone.axe_violations() == []
    await phone.page.get_by_role("button", name="Show in log").click()
    await expect(phone.page.get_by_role("log")).to_contain_text("[MESSAGE] Yes.")


async def test_call_of_a_model_shows_what_it_was_asked(
    new_tab: NewTab, path: str
) -> None:
    tab = await new_tab()
    await tab.go(f"{path}?tab=steps")
    await RunPage(tab).has_status("completed")
    await tab.page.get_by_role("button", name="scripted/thinks done").click()
    step = tab.page.get_by_role("region", name="Step")
    await step.get_by_text("Prompt, 2 messages").click()

    prompt = step.get_by_role("list", name="Prompt")
    await expect(prompt.get_by_role("listitem")).to_have_count(2)
    await expect(prompt).to_contain_text("Is it so?")
    await expect(step).to_contain_text("Temperature 0, at most 200 tokens.")
    assert await tab.axe_violations() == []


async def test_times_of_long_bars_are_seen_on_a_phone(
    new_tab: NewTab, product: Product
) -> None:
    phone = await new_tab(size=PHONE)
    # The model takes nearly all of the run's time.
    path = await start_run(
        product, 'scripted/{"text": "Yes.", "first_token_seconds": 5}'
    )
    await phone.go(f"{path}?tab=timeline")
    await RunPage(phone).has_status("completed")
    bar = phone.page.get_by_role("button", name="Generating, done")
    await expect(bar).to_contain_text(re.compile(r"[5-9]\.\d s"))

    assert await phone.page.evaluate(CUT_OFF) == []


async def test_followed_log_lies_still_at_its_end(
    new_tab: NewTab, product: Product
) -> None:
    path = await start_run(
        product, "scripted/chores", tools=["now", "notes_put", "notes_append"]
    )
    tab = await new_tab()
    await tab.go(path)
    await RunPage(tab).has_status("completed")

    async with asyncio.timeout(SECONDS):
        while not await tab.page.evaluate(AT_REST):
            continue
