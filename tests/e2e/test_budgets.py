"""A budget is set in the browser, a run that has used it up asks for more, and the page says how full it is."""

import pytest
from playwright.async_api import expect

from app import routes
from app.routes import agent_path
from tests.e2e.browser import PHONE, Tab
from tests.e2e.conftest import NewTab
from tests.e2e.run_page import RUN_SECONDS, RunPage
from tests.factories.rows import RowFactory
from tests.product import Product, parts_of


@pytest.fixture
async def path(product: Product, login: object) -> str:
    """The page of an agent whose runs are counted."""
    async with parts_of(product) as (services, owner):
        agent = await RowFactory(services.db).agent(owner, name="Spender")
    return agent_path(agent.id)


async def _set_budget(tab: Tab) -> None:
    page = tab.page
    await tab.go(routes.USAGE)
    await page.get_by_role("button", name="New budget").click()
    form = page.get_by_role("dialog").filter(has_text="New budget")
    await form.get_by_label("For", exact=True).select_option(label="Spender")
    await form.get_by_label("Amount").fill("much")
    await form.get_by_role("button", name="Set the budget").click()
    await expect(form.get_by_text("Write a number")).to_be_visible()
    await form.get_by_label("Amount").fill("1")
    await form.get_by_label("In", exact=True).select_option(label="Tokens")
    await form.get_by_label("When it is used up").select_option("ask")
    assert await tab.axe_violations() == []
    await form.get_by_role("button", name="Set the budget").click()


async def _spend_twice(tab: Tab) -> None:
    page, run = tab.page, RunPage(tab)
    await run.ask("What is it?")
    await run.has_status("completed")
    await page.get_by_role("button", name="New conversation").click()
    await run.ask("And now?")
    question = page.get_by_role("form", name="The run needs you")
    await expect(question).to_be_visible(timeout=RUN_SECONDS * 1000)
    await question.get_by_label("Allow").check()
    await question.get_by_role("button", name="Answer").click()
    await run.has_status("completed")


async def test_budget_is_set_asks_for_more_and_is_deleted(
    tab: Tab, path: str, new_tab: NewTab
) -> None:
    page = tab.page
    budgets = page.get_by_role("list", name="Budgets")
    await _set_budget(tab)
    await expect(budgets.get_by_text("1 token a day")).to_be_visible()
    await tab.go(path)
    await expect(budgets.get_by_text("Spender")).to_be_visible()
    await _spend_twice(tab)

    await tab.go(routes.USAGE)
    await expect(budgets.get_by_role("progressbar")).to_have_attribute(
        "aria-valuenow", "100"
    )
    assert await tab.axe_violations() == []
    for values in ({"is_dark": True}, {"size": PHONE}):
        other = await new_tab(**values)
        await other.go(routes.USAGE)
        await expect(other.page.get_by_role("progressbar")).to_be_visible()
        assert await other.axe_violations() == []
        assert await other.overflow() == 0
    await budgets.get_by_role("button", name="Delete the budget").click()
    await page.get_by_role("button", name="Delete", exact=True).click()
    await expect(page.get_by_text("No budget limits")).to_be_visible()
