"""Asking, reading the answer and its sources, and finding one's way in the log."""

import json
import re
from collections.abc import AsyncGenerator
from datetime import datetime

import pytest
from playwright.async_api import expect

from app.backend.agents.tables import AgentRow
from app.backend.core.run_events import AttemptStarted, level_of
from app.backend.core.stored_events import RunEvent
from app.backend.runs.tables import RunEventRow, RunRow
from app.routes import agent_path, run_path
from tests.e2e.browser import PHONE, Tab
from tests.e2e.conftest import NewTab
from tests.e2e.run_page import RunPage
from tests.factories.rows import RowFactory
from tests.product import Product, manual_is_read, parts_of

LONG_LOG = 30_000  # more than a browser holds


@pytest.fixture
async def speaker(product: Product, login: object) -> AsyncGenerator[AgentRow, None]:
    """An agent without documents that says three sentences."""
    async with parts_of(product) as (services, owner):
        yield await RowFactory(services.db).agent(
            owner,
            name="Speaker",
            model='scripted/{"text": "One fish. Two fish. Red **fish**."}',
        )


@pytest.fixture
async def long_run(product: Product, login: object) -> AsyncGenerator[RunRow, None]:
    """A run that ended long ago with a long log."""
    async with parts_of(product) as (services, owner):
        run = await RowFactory(services.db).run(
            owner, status="completed", last_seq=LONG_LOG
        )
        rows = [
            RunEventRow(
                run_id=run.id,
                seq=seq,
                owner_id=owner.user_id,
                ts=run.created_at,
                type="log",
                level="info",
                payload={"level": "info", "message": f"line {seq} of many"},
            )
            for seq in range(1, LONG_LOG + 1)
        ]
        async with services.db.transaction() as session:
            session.add_all(rows)
        yield run


@pytest.fixture
async def taken_up_run(product: Product, login: object) -> AsyncGenerator[RunRow, None]:
    """A run whose worker was shut down once."""
    async with parts_of(product) as (services, owner):
        run = await RowFactory(services.db).run(owner, status="completed", last_seq=1)
        again = AttemptStarted(
            attempt=2, attempts_max=3, reason="The worker before was shut down."
        )
        event = RunEvent.of(run.id, 1, run.created_at, again)
        row = RunEventRow(
            owner_id=owner.user_id, level=level_of(again), **event.model_dump()
        )
        async with services.db.transaction() as session:
            session.add(row)
        yield run


async def test_json_is_checked_in_place(tab: Tab, speaker: AgentRow) -> None:
    await tab.go(agent_path(speaker.id))
    await tab.page.get_by_role("button", name="JSON", exact=True).click()
    field = tab.page.get_by_role("textbox", name="Ask as JSON")

    await field.fill('{"query": ')
    await tab.page.get_by_text("This is not JSON").wait_for()
    await expect(field).to_have_attribute("aria-invalid", "true")
    await field.fill('{"query": "Fish?", "tone": "short"}')
    await tab.page.get_by_text("This is a usable input").wait_for()
    assert await tab.axe_violations() == []
    await tab.page.get_by_role("button", name="Run", exact=True).click()

    await RunPage(tab).has_status("completed")
    await tab.page.get_by_text("The rest of the input").click()
    await tab.page.get_by_text('"tone": "short"').wait_for()


async def test_double_click_is_one_run(tab: Tab, speaker: AgentRow) -> None:
    await tab.go(agent_path(speaker.id))
    await tab.page.get_by_role("textbox", name="Ask").fill("Fish?")

    await tab.page.get_by_role("button", name="Run", exact=True).dblclick()

    await RunPage(tab).has_status("completed")
    runs = tab.page.get_by_role("list", name="Runs").get_by_role("listitem")
    await expect(runs).to_have_count(1)


async def test_question_survives_a_reload_until_it_is_asked(
    tab: Tab, speaker: AgentRow
) -> None:
    await tab.go(agent_path(speaker.id))
    field = tab.page.get_by_role("textbox", name="Ask")
    page = RunPage(tab)
    await field.fill("Which fish?")

    await tab.page.reload()
    await expect(field).to_have_value("Which fish?")
    await tab.page.get_by_role("button", name="Run", exact=True).click()
    await page.says("Red fish.")

    # The address names the run a moment after its first words.
    await tab.page.wait_for_url("**run=*")
    await tab.page.reload()
    await page.says("Red fish.")
    await expect(field).to_have_value("")


async def test_follow_up_stays_in_the_conversation(tab: Tab, speaker: AgentRow) -> None:
    await tab.go(agent_path(speaker.id))
    page = RunPage(tab)
    await page.ask("Fish?")
    await page.has_status("completed")
    await page.says("Red fish.")

    await page.ask("And what else?")

    await tab.page.get_by_role(
        "heading", name="Earlier in this conversation"
    ).wait_for()
    await tab.page.locator("summary").filter(has_text="Fish?").wait_for()
    await page.says("Red fish.")


async def test_citation_opens_its_passage(tab: Tab) -> None:
    await tab.go("/agents")
    await tab.page.get_by_role("link", name="Quote finder").first.click()
    page = RunPage(tab)
    await page.ask("Where is my data stored?")
    await page.has_status("completed")

    sources = tab.page.get_by_role("list").filter(has_text=".md").first
    assert not re.search(r"[*][*]|^##|^[|]", await sources.inner_text(), re.MULTILINE)
    # The end of a long log is in sight, and while it is followed nothing else stays there.
    await page.log.get_by_role("button", name="Follow").click()
    await page.log.get_by_role("log").hover()
    await tab.page.mouse.wheel(0, -10_000)
    await page.log.get_by_text(re.compile("Found .* passage")).click()
    await page.log.get_by_text(re.compile(r"^\[1\] .*[.]md, score")).wait_for()

    await page.answer.get_by_role("button", name="[1]").click()

    panel = tab.page.get_by_role("dialog")
    await panel.locator("mark").wait_for()
    assert await tab.axe_violations() == []
    link = panel.get_by_role("link", name="Open the document")
    assert "?chunk=" in (await link.get_attribute("href") or "")
    await tab.page.keyboard.press("Escape")
    await expect(panel).to_have_count(0)


async def test_document_in_markdown_is_shown_without_marks(
    tab: Tab, product: Product
) -> None:
    await manual_is_read(product)
    await tab.go("/knowledge")
    await tab.page.get_by_role("link", name="Atelier manual").first.click()
    await tab.page.get_by_role("link", name=re.compile(r"[.]md$")).first.click()

    text = tab.page.get_by_role("article")
    await text.locator("#passage").wait_for()
    await expect(text.locator("strong").first).to_be_visible()
    assert not re.search(r"^#|[*][*]", await text.inner_text(), re.MULTILINE)


async def test_log_filters_searches_and_links_to_a_line(
    tab: Tab, speaker: AgentRow
) -> None:
    await tab.go(agent_path(speaker.id))
    page = RunPage(tab)
    await page.ask("Fish?")
    await page.has_status("completed")
    await page.log.get_by_text("[PROGRESS] started:").wait_for()

    await page.log.get_by_role("button", name=re.compile("^llm")).click()
    await expect(page.log.get_by_text("[PROGRESS]")).to_have_count(0)
    await page.log.get_by_text("[MESSAGE] One fish.").wait_for()
    assert "types=llm" in tab.page.url
    await page.log.get_by_role("button", name=re.compile("^llm")).click()

    await page.log.get_by_label("Search the log").fill("two FISH")
    await page.log.get_by_label("Search the log").press("Enter")
    await expect(page.log.locator("mark").first).to_have_text("Two fish")
    await page.log.get_by_label("Search the log").press("Escape")

    await page.log.get_by_text("Speaker with scripted").click()
    await expect(tab.page).to_have_url(re.compile(r"event=\d+"))
    await tab.page.reload()
    row = page.log.locator("[data-seq]").filter(has_text="Speaker with scripted")
    await expect(row).to_be_in_viewport()
    assert await tab.axe_violations() == []


async def test_download_has_every_event(tab: Tab, long_run: RunRow) -> None:
    await tab.go(run_path(long_run.id))
    page = RunPage(tab)
    await page.log.get_by_text(f"line {LONG_LOG} of many").wait_for()
    await page.log.get_by_role("button", name="Download the log").click()

    async with tab.page.expect_download() as started:
        await tab.page.get_by_role("link", name="All events, JSON lines").click()

    lines = (await (await started.value).path()).read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["seq"] for event in events] == list(range(1, LONG_LOG + 1))
    assert datetime.fromisoformat(events[0]["ts"]).tzinfo is not None


async def test_log_stays_at_its_end_until_the_wheel_is_turned(
    tab: Tab, long_run: RunRow
) -> None:
    await tab.go(run_path(long_run.id))
    page = RunPage(tab)
    last = page.log.get_by_text(f"line {LONG_LOG} of many")
    latest = page.log.get_by_role("button", name="Jump to latest")
    await expect(last).to_be_in_viewport()

    # As when lines turn out lower than the list thought.
    await page.log.locator("[data-virtuoso-scroller]").evaluate(
        "list => { list.scrollTop -= 300; }"
    )
    await expect(latest).to_have_count(0)
    await last.hover()
    await tab.page.mouse.wheel(0, -600)
    await expect(latest).to_be_visible()
    await latest.click()

    await expect(last).to_be_in_viewport()


async def test_any_line_of_a_long_log_is_found(tab: Tab, long_run: RunRow) -> None:
    await tab.go(run_path(long_run.id))
    page = RunPage(tab)
    await page.log.get_by_text(f"line {LONG_LOG} of many").wait_for()
    search = page.log.get_by_label("Search the log")

    await search.fill("line 12345 of")
    await expect(page.log.get_by_role("search")).to_contain_text("of 1")
    await search.press("Enter")

    await expect(page.log.get_by_text("line 12345 of many")).to_be_in_viewport()
    await page.log.get_by_role("button", name="Jump to latest").click()
    await expect(page.log.get_by_text(f"line {LONG_LOG} of many")).to_be_in_viewport()


async def test_pattern_is_searched_in_the_whole_log(tab: Tab, long_run: RunRow) -> None:
    await tab.go(run_path(long_run.id))
    page = RunPage(tab)
    await page.log.get_by_text(f"line {LONG_LOG} of many").wait_for()
    search = page.log.get_by_label("Search the log")
    problem = page.log.get_by_role("alert")

    await page.log.get_by_role("button", name="Search with a pattern").click()
    await search.fill(r"^line 1234\d of")
    await expect(page.log.get_by_role("search")).to_contain_text("of 10")
    await search.press("Enter")

    await expect(page.log.get_by_text("line 12340 of many")).to_be_in_viewport()
    await expect(page.log.locator("mark").first).to_have_text(re.compile("line 1234"))
    await search.fill("line (")
    await expect(problem).to_contain_text("This is not a pattern")
    assert await tab.axe_violations() == []
    await search.fill("line (?=1)")
    await expect(problem).to_contain_text("Only the lines that are loaded")


async def test_path_and_value_of_a_line_are_copied_by_keys(
    new_tab: NewTab, speaker: AgentRow
) -> None:
    tab = await new_tab(size=PHONE, is_dark=True)
    await tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await tab.go(agent_path(speaker.id))
    page = RunPage(tab)
    await page.ask("Fish?")
    await page.has_status("completed")
    await page.log.get_by_text("queued: waiting for a worker").click()
    tree = page.log.get_by_role("tree", name="Data")

    await tree.get_by_role("treeitem").first.focus()
    await tab.page.keyboard.press("End")
    await expect(tree.get_by_role("treeitem", selected=True)).to_contain_text("query:")
    copied = []
    for name in ("Copy path", "Copy value"):
        await tab.page.keyboard.press("Tab")
        await expect(page.log.get_by_role("button", name=name)).to_be_focused()
        await tab.page.keyboard.press("Enter")
        await page.log.get_by_role("button", name="Copied").wait_for()
        copied.append(await tab.page.evaluate("navigator.clipboard.readText()"))
        await expect(page.log.get_by_role("button", name=name)).to_be_visible()

    assert copied == ["input.query", "Fish?"]
    assert await tab.overflow() == 0
    # What is half under the bar at the top would count as too small.
    await tab.page.evaluate("window.scrollTo(0, 0)")
    assert await tab.axe_violations() == []


async def test_run_that_is_taken_up_again_says_so(
    tab: Tab, taken_up_run: RunRow
) -> None:
    await tab.go(run_path(taken_up_run.id))

    line = RunPage(tab).log.get_by_text("Tried again (2 of 3)")
    await expect(line).to_contain_text("The worker before was shut down.")
