"""A run that needs a person, and one that goes on from a step of another."""

import pytest
from playwright.async_api import expect

from app.backend.agents.schemas import AgentKind
from app.routes import agent_path
from tests.e2e.browser import Tab
from tests.e2e.run_page import RUN_SECONDS, RunPage
from tests.factories.rows import RowFactory
from tests.product import Product, parts_of


@pytest.fixture
async def path(product: Product, login: object) -> str:
    """The page of an agent that asks which colour it shall be."""
    async with parts_of(product) as (services, owner):
        agent = await RowFactory(services.db).agent(
            owner,
            name="Painter",
            kind=AgentKind.TOOLS,
            model="scripted/asks",
            tools=["ask_person"],
        )
    return agent_path(agent.id)


async def test_answer_of_a_person_lets_the_run_go_on(tab: Tab, path: str) -> None:
    await tab.go(path)
    run = RunPage(tab)
    await run.ask("Paint it.")
    question = tab.page.get_by_role("form", name="The run needs you")
    await expect(question).to_be_visible(timeout=RUN_SECONDS * 1000)
    assert await tab.axe_violations() == []

    await question.get_by_label("Blue").check()
    await question.get_by_role("button", name="Answer").click()

    await run.has_status("completed")
    await run.says("Blue")
    await expect(question).to_have_count(0)


async def test_step_is_forked_with_another_question(tab: Tab, path: str) -> None:
    await tab.go(path)
    run = RunPage(tab)
    await run.ask("Paint it.")
    question = tab.page.get_by_role("form", name="The run needs you")
    await expect(question).to_be_visible(timeout=RUN_SECONDS * 1000)
    await tab.page.get_by_role("button", name="Stop").click()
    await run.has_status("stopped")
    await tab.page.get_by_role("link", name="Open run").click()
    await tab.page.get_by_role("tab", name="State").click()
    assert await tab.axe_violations() == []

    await tab.page.get_by_role("button", name="Fork from here").click()
    dialog = tab.page.get_by_role("dialog")
    await dialog.get_by_role("textbox").first.fill("Paint the door.")
    await dialog.get_by_role("button", name="Fork").click()

    await expect(tab.page.get_by_text("Paint the door.").first).to_be_visible()
    await expect(question).to_be_visible(timeout=RUN_SECONDS * 1000)
