"""An agent that asks another one: its page shows both, live, and Stop ends both."""

from collections.abc import Sequence
from uuid import UUID

from playwright.async_api import expect

from app.backend.agents import service as agents
from app.backend.agents.schemas import AgentKind
from app.backend.runs import trees
from app.backend.runs.trees import RunTree
from app.routes import agent_path, run_path
from tests.e2e.browser import PHONE, Tab
from tests.e2e.conftest import NewTab
from tests.e2e.run_page import RUN_SECONDS, RunPage
from tests.factories.rows import RowFactory
from tests.product import Product, parts_of

QUESTION = "How hot is a kiln?"
# Ten seconds of words: long enough to look at what goes on.
TALKS = "scripted/rate-15"


async def asker(product: Product, model: str, tools: Sequence[str] = ()) -> str:
    """Return the page of an agent that asks `helper`, which plays `model`."""
    async with parts_of(product) as (services, owner):
        rows = RowFactory(services.db)
        async with services.db.transaction() as session:
            # Of the tests before this one; two of one name could not be told apart.
            page = await agents.list_agents(session, owner, text="helper")
            for old in page.items:
                await agents.delete_agent(session, owner, agent_id=old.id)
        kind = AgentKind.TOOLS if tools else AgentKind.ANSWER
        await rows.agent(owner, name="helper", model=model, kind=kind, tools=[*tools])
        agent = await rows.agent(
            owner,
            name="Foreman",
            kind=AgentKind.TOOLS,
            tools=["run_agent"],
            model="scripted/delegates",
        )
    return agent_path(agent.id)


async def tree_of(product: Product, run_id: str) -> RunTree:
    """Return the tree of a run."""
    async with parts_of(product) as (services, owner), services.db.read() as session:
        return await trees.read_tree(session, owner, run_id=UUID(run_id))


async def open_run(tab: Tab) -> str:
    """Go from the agent's page to the run's own, and return its id."""
    await tab.page.get_by_role("link", name="Open run").click()
    await tab.page.wait_for_url("**/runs/*")
    return tab.page.url.rsplit("/", 1)[1].split("?")[0].split("#")[0]


async def test_agent_asks_another_and_its_page_shows_the_tree(
    tab: Tab, new_tab: NewTab, product: Product, login: object
) -> None:
    await tab.go(await asker(product, TALKS))
    run = RunPage(tab)
    await run.ask(QUESTION)
    await expect(tab.page.get_by_text("Waits for a run").first).to_be_visible(
        timeout=RUN_SECONDS * 1000
    )
    run_id = await open_run(tab)
    section = tab.page.get_by_role("region", name="Runs of this tree")
    lines = section.get_by_role("link")
    await expect(lines).to_have_count(2, timeout=RUN_SECONDS * 1000)
    await expect(lines.nth(0)).to_have_attribute("aria-current", "page")
    await expect(lines.nth(1)).to_contain_text("Running")
    await expect(run.log.get_by_text(f"asks helper: {QUESTION}")).to_be_visible()

    # While the page is looked at, the child ends and its parent goes on.
    await run.has_status("completed")
    await run.says("word150")
    await expect(lines.nth(1)).to_contain_text("Completed")
    await expect(lines.nth(0)).to_contain_text("Completed")
    assert await tab.axe_violations() == []

    await lines.nth(1).click()
    trail = tab.page.get_by_role("navigation", name="Breadcrumb")
    await expect(trail.get_by_role("link", name="Foreman")).to_be_visible()
    await expect(tab.page.get_by_role("heading", name="helper")).to_be_visible()
    await expect(section.get_by_role("link").nth(1)).to_have_attribute(
        "aria-current", "page"
    )
    await trail.get_by_role("link", name="Foreman").click()
    await expect(tab.page.get_by_role("heading", name="Foreman")).to_be_visible()

    phone = await new_tab(size=PHONE, is_dark=True)
    await phone.go(run_path(run_id))
    await expect(
        phone.page.get_by_role("region", name="Runs of this tree")
    ).to_be_visible()
    assert await phone.overflow() == 0
    assert await phone.axe_violations() == []


async def test_stop_of_a_run_stops_the_one_that_it_started(
    tab: Tab, product: Product, login: object
) -> None:
    await tab.go(await asker(product, TALKS))
    run = RunPage(tab)
    await run.ask(QUESTION)
    await expect(tab.page.get_by_text("Waits for a run").first).to_be_visible(
        timeout=RUN_SECONDS * 1000
    )
    run_id = await open_run(tab)
    lines = tab.page.get_by_role("region", name="Runs of this tree").get_by_role("link")
    await expect(lines.nth(1)).to_contain_text("Running", timeout=RUN_SECONDS * 1000)

    await tab.page.get_by_role("button", name="Stop").click()

    await run.has_status("stopped")
    await expect(lines.nth(1)).to_contain_text("Stopped")
    tree = await tree_of(product, run_id)
    assert [node.status for node in tree.items] == ["stopped", "stopped"]


async def test_call_opens_the_run_that_it_started(
    tab: Tab, product: Product, login: object
) -> None:
    await tab.go(await asker(product, "scripted/hello"))
    run = RunPage(tab)
    await run.ask(QUESTION)
    await run.has_status("completed")
    run_id = await open_run(tab)

    await tab.page.get_by_role("tab", name="Steps").click()
    await tab.page.get_by_role("button", name="run_agent").click()
    step = tab.page.get_by_role("region", name="Step")
    link = step.get_by_role("link", name="Open its run")

    child = (await tree_of(product, run_id)).items[1]
    await expect(link).to_have_attribute("href", run_path(child.id))
    await expect(step.get_by_text("A run of its own, completed")).to_be_visible()


async def test_question_of_a_run_below_is_found_and_answered(
    tab: Tab, product: Product, login: object
) -> None:
    await tab.go(await asker(product, "scripted/asks", tools=["ask_person"]))
    run = RunPage(tab)
    await run.ask(QUESTION)
    status = tab.page.get_by_role("status").filter(has_text="helper needs your answer")
    await expect(status).to_be_visible(timeout=RUN_SECONDS * 1000)
    run_id = await open_run(tab)
    await expect(status).to_be_visible()
    # As one who comes later is told.
    await tab.page.reload()
    await expect(run.log.get_by_text("Waits for a run")).to_be_visible()
    assert await tab.axe_violations() == []

    await status.get_by_role("link", name="See its question").click()
    question = tab.page.get_by_role("form", name="The run needs you")
    await question.get_by_label("Blue").check()
    await question.get_by_role("button", name="Answer").click()

    await tab.go(run_path(UUID(run_id)))
    await run.has_status("completed")
    await run.says("They say: Blue")
    await expect(status).to_have_count(0)
