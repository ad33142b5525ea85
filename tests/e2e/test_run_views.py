"""The views of one run: one bar of tabs, one feed, and an address that shows the same again."""

import pytest
from playwright.async_api import expect

from app.backend.runs import service as runs
from app.backend.runs.schemas import RunDraft
from app.routes import run_path
from tests.e2e.browser import PHONE
from tests.e2e.conftest import NewTab
from tests.e2e.run_page import RunPage
from tests.factories.rows import RowFactory
from tests.product import Product, parts_of

TABS = ["Log", "Steps", "Timeline", "Graph", "State", "Raw"]


@pytest.fixture
async def path(product: Product, login: object) -> str:
    """Where a run is shown that has thought and answered."""
    async with parts_of(product) as (services, owner):
        rows = RowFactory(services.db)
        agent = await rows.agent(owner, name="Viewed", model="scripted/thinks")
        async with services.db.transaction() as session:
            view = await runs.start_run(
                session,
                owner,
                agent_id=agent.id,
                draft=RunDraft(input={"query": "Is it so?"}),
                parts=services,
            )
    return run_path(view.id)


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
