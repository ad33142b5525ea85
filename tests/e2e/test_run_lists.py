"""Many runs at once: found by filters that the address keeps, stopped, retried, deleted; and those that lost their workers."""

import pytest
from playwright.async_api import Locator, expect

from app import routes
from app.backend.agents.tables import AgentRow
from app.backend.core import clock
from app.backend.core.run_events import RunStatus
from app.backend.runs import service as runs
from app.backend.runs.errors import WORKER_LOST
from app.backend.runs.schemas import RunDraft
from tests.e2e.browser import PHONE, Tab
from tests.e2e.conftest import NewTab
from tests.e2e.run_page import RUN_SECONDS
from tests.factories.rows import RowFactory
from tests.product import Product, parts_of

QUESTIONS = ("Which kiln?", "Which clay?", "Which glaze?")


@pytest.fixture
async def talker(product: Product, login: object) -> AgentRow:
    """An agent that talks for ten seconds about each of three questions."""
    async with parts_of(product) as (services, owner):
        agent = await RowFactory(services.db).agent(
            owner, name="Potter", model="scripted/rate-20"
        )
        async with services.db.transaction() as session:
            for question in QUESTIONS:
                await runs.start_run(
                    session,
                    owner,
                    agent_id=agent.id,
                    draft=RunDraft(input={"query": question}),
                    parts=services,
                )
    return agent


async def act(tab: Tab, action: str, asked: str) -> None:
    """Do something to the picked runs, which stay picked."""
    await tab.page.get_by_role("button", name=action, exact=True).click()
    dialog = tab.page.get_by_role("dialog", name=f"{asked}?")
    await dialog.get_by_role("button", name=asked).click()
    await expect(dialog).to_have_count(0)


def rows_of(tab: Tab, text: str) -> Locator:
    """Return the rows of the list that have `text`."""
    return tab.page.get_by_role("row").filter(has_text=text)


async def test_picked_runs_are_stopped_retried_and_deleted(
    tab: Tab, new_tab: NewTab, talker: AgentRow
) -> None:
    await tab.go(f"{routes.RUNS}?agent={talker.id}")
    await expect(rows_of(tab, "Which")).to_have_count(3)

    await tab.page.get_by_role("checkbox", name="Pick all on this page").click()
    await act(tab, "Stop…", "Stop 3 runs")
    await expect(rows_of(tab, "Stopped")).to_have_count(3)
    await act(tab, "Retry…", "Retry 3 runs")
    await expect(rows_of(tab, "Which")).to_have_count(6)
    assert await tab.axe_violations() == []
    await act(tab, "Delete…", "Delete 3 runs")

    await expect(rows_of(tab, "Which")).to_have_count(3)
    await tab.page.get_by_role("combobox", name="Status").select_option("Stopped")
    await expect(tab.page.get_by_text("No run matches")).to_be_visible()
    await tab.page.wait_for_url("**status=stopped*")
    phone = await new_tab(size=PHONE, is_dark=True)
    await phone.go(tab.page.url.removeprefix(tab.url))
    await expect(phone.page.get_by_text("No run matches")).to_be_visible()
    assert await phone.overflow() == 0
    await phone.page.get_by_role("button", name="Clear filters").first.click()
    await expect(phone.page.get_by_text("Which clay?").first).to_be_visible()


async def test_filters_are_in_the_address(
    tab: Tab, new_tab: NewTab, talker: AgentRow
) -> None:
    await tab.go(routes.RUNS)
    await tab.page.get_by_role("combobox", name="Agent").select_option(str(talker.id))
    await tab.page.get_by_role("searchbox", name="Search questions").fill("clay")
    await expect(rows_of(tab, "Which")).to_have_count(1)
    await tab.page.wait_for_url("**q=clay*")

    await tab.page.reload()
    again = await new_tab(size=PHONE)
    await again.go(tab.page.url.removeprefix(tab.url))

    for seen in (tab, again):
        links = seen.page.get_by_role("main").get_by_role("link", name="Which")
        await expect(links).to_have_count(1)
        await expect(links).to_contain_text("Which clay?")


async def test_dead_letter_is_requeued_and_written_down(
    tab: Tab, product: Product, login: object
) -> None:
    async with parts_of(product) as (services, owner):
        rows = RowFactory(services.db)
        agent = await rows.agent(owner, name="Lost", model="scripted/echo")
        for question in ("First?", "Second?"):
            await rows.run(
                owner,
                agent=agent,
                input={"query": question},
                status=RunStatus.FAILED,
                error_code=WORKER_LOST,
                attempt=3,
                completed_at=clock.now(),
            )
    await tab.go(routes.SYSTEM)
    dead = tab.page.get_by_role("list", name="Dead letters").get_by_role("listitem")
    await expect(dead).to_have_count(2)
    assert await tab.axe_violations() == []

    await dead.first.get_by_role("button", name="Requeue").click()
    await tab.page.get_by_role("dialog").get_by_role("button", name="Requeue").click()
    await expect(dead).to_have_count(1)
    await tab.page.get_by_role("button", name="Requeue all").click()
    await tab.page.get_by_role("dialog").get_by_role("button", name="Requeue").click()

    await expect(
        tab.page.get_by_text("No run has lost all its attempts.")
    ).to_be_visible()
    await tab.go(f"{routes.RUNS}?agent={agent.id}")
    await expect(rows_of(tab, "Completed")).to_have_count(2, timeout=RUN_SECONDS * 1000)
    await tab.go(routes.AUDIT)
    await expect(rows_of(tab, "Run requeued")).to_have_count(2)
