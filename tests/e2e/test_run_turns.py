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


async def test_log_says_that_the_run_waits_and_then_that_it_goes_on(
    tab: Tab, path: str
) -> None:
    await tab.go(path)
    run = RunPage(tab)
    await run.ask("Paint it.")
    await run.has_status("waiting")

    await tab.page.reload()
    await run.has_status("waiting")
    question = tab.page.get_by_role("form", name="The run needs you")
    await question.get_by_label("Blue").check()
    await question.get_by_role("button", name="Answer").click()

    await run.has_status("completed")


async def test_line_that_failed_is_retried_from_the_step_before_it(
    tab: Tab, product: Product, login: object
) -> None:
    async with parts_of(product) as (services, owner):
        rows = RowFactory(services.db)
        agent = await rows.agent(owner, name="Breaker", model="scripted/error")
    await tab.go(agent_path(agent.id))
    run = RunPage(tab)
    await run.ask("What breaks?")
    await run.has_status("failed")
    await tab.page.get_by_role("link", name="Open run").click()
    await tab.page.wait_for_url("**/runs/*")
    failed = tab.page.url
    line = run.log.get_by_role("log").get_by_role("button", name="Error", exact=False)
    await line.last.click()
    await run.log.get_by_role("button", name="Retry from here").click()
    await expect(run.log).to_contain_text("goes on after step 1 (retrieve)")
    assert await tab.axe_violations() == []

    await run.log.get_by_role("button", name="Retry from here").click()

    await tab.page.wait_for_url(lambda url: url.split("?")[0] != failed.split("?")[0])
    await run.has_status("failed")
    await expect(run.log).to_contain_text("It is a fork: it goes on after step 1")


async def test_chosen_step_of_the_state_is_in_the_address(tab: Tab, path: str) -> None:
    await tab.go(path)
    run = RunPage(tab)
    await run.ask("Paint it.")
    await run.has_status("waiting")
    await tab.page.get_by_role("link", name="Open run").click()
    await tab.page.get_by_role("tab", name="State").click()
    steps = tab.page.get_by_role("list", name="Steps")
    first = steps.get_by_role("button").first
    await first.click()
    await expect(first).to_have_attribute("aria-current", "step")
    await tab.page.wait_for_url("**step=0*")

    await tab.page.reload()

    await expect(first).to_have_attribute("aria-current", "step")
    await expect(tab.page.get_by_text("State after step 0")).to_be_visible()
    assert "step=0" in tab.page.url


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
