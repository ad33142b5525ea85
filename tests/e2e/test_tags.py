"""Tags of a run: given with the question, changed on its page, and followed to the runs that have them."""

import re

import pytest
from playwright.async_api import expect

from app.backend.agents.tables import AgentRow
from app.routes import agent_path
from tests.e2e.browser import PHONE
from tests.e2e.conftest import NewTab
from tests.e2e.run_page import RunPage
from tests.factories.rows import RowFactory
from tests.product import Product, parts_of


@pytest.fixture
async def agent(product: Product, login: object) -> AgentRow:
    """An agent that repeats what it is asked."""
    async with parts_of(product) as (services, owner):
        return await RowFactory(services.db).agent(
            owner, name="Tagged", model="scripted/echo"
        )


async def test_tag_leads_from_the_question_to_all_runs_that_have_it(
    new_tab: NewTab, agent: AgentRow
) -> None:
    tab, phone = await new_tab(is_dark=True), await new_tab(size=PHONE)
    await tab.go(agent_path(agent.id))
    run = RunPage(tab)
    await tab.page.get_by_label("Tags of the next run").fill("Nightly, red & blue")
    assert await tab.axe_violations() == []
    await run.ask("Which ones?")
    await run.has_status("completed")
    await expect(tab.page.get_by_label("Tags of the next run")).to_have_value("")

    await tab.page.get_by_role("link", name="Open run").click()
    await tab.page.wait_for_url("**/runs/*")
    await tab.settle()
    tags = tab.page.get_by_role("list", name="Tags")
    await tags.get_by_role("button", name="Remove the tag nightly").click()
    await expect(tags.get_by_role("listitem")).to_have_text(["red & blue"])
    field = tab.page.get_by_role("textbox", name="Add a tag")
    await field.fill("kept")
    await field.press("Enter")
    await expect(tags.get_by_role("listitem")).to_have_text(["red & blue", "kept"])
    await expect(field).to_have_value("")
    assert await tab.axe_violations() == []
    await phone.go(tab.page.url.removeprefix(tab.url))
    assert await phone.overflow() == 0
    assert await phone.axe_violations() == []

    await tags.get_by_role("link", name="red & blue").click()

    await expect(tab.page).to_have_url(re.compile(r"/runs\?tag=red"))
    await expect(tab.page.get_by_role("searchbox", name="Tag")).to_have_value(
        "red & blue"
    )
    await expect(tab.page.get_by_role("link", name="Which ones?")).to_have_count(1)
