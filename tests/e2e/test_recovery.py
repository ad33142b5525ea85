"""What a person sees when the login ends, when a page breaks, and how they come back."""

import asyncio
import re
from collections.abc import AsyncGenerator

import pytest
from playwright.async_api import expect

from app import routes
from app.backend.agents.tables import AgentRow
from tests.e2e.browser import EMAIL, PASSWORD, PHONE, Tab
from tests.e2e.conftest import NewTab
from tests.e2e.run_page import RunPage
from tests.factories.rows import RowFactory
from tests.parts import wait_until
from tests.product import Product, parts_of

LIST = f"{routes.RUNS}?status=failed&q=salt"
# A widget of every page puts a number into its words; with this it cannot be drawn.
BREAK = """
(() => {
  const { replace } = String.prototype;
  String.prototype.replace = function (what, ...rest) {
    if (what === "{n}") throw new Error("broken for a test");
    return replace.call(this, what, ...rest);
  };
})()
"""


async def _sign_in(tab: Tab) -> None:
    page = tab.page
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await page.get_by_label("E-mail").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()


async def _end_login(tab: Tab) -> None:
    """End this window's login, as somebody does in the settings of another one."""
    listed = await tab.page.request.get(f"{tab.url}/api/auth/sessions")
    (own,) = [one for one in (await listed.json())["items"] if one["is_current"]]
    ended = await tab.page.request.delete(
        f"{tab.url}/api/auth/sessions/{own['id']}", headers={"Origin": tab.url}
    )
    assert ended.ok, await ended.text()


@pytest.fixture
async def tab(new_tab: NewTab, login: object) -> Tab:
    """A window with a login of its own, at a list with a query."""
    tab = await new_tab(is_signed_in=False)
    await tab.page.goto(f"{tab.url}{LIST}")
    await _sign_in(tab)
    await tab.page.wait_for_url(f"{tab.url}{LIST}")
    await tab.settle()
    return tab


@pytest.fixture
async def talker(product: Product, login: object) -> AsyncGenerator[AgentRow, None]:
    """An agent that talks for ten seconds."""
    async with parts_of(product) as (services, owner):
        yield await RowFactory(services.db).agent(
            owner, name="Talker", model="scripted/rate-40"
        )


async def test_ended_login_leads_back_to_the_same_list(tab: Tab) -> None:
    page = tab.page
    await expect(page.get_by_label("Search questions")).to_have_value("salt")
    await _end_login(tab)
    await page.reload()
    await _sign_in(tab)

    await page.wait_for_url(f"{tab.url}{LIST}")
    await expect(page.get_by_label("Search questions")).to_have_value("salt")


async def test_login_that_ends_while_a_run_is_watched_leads_back_to_it(
    tab: Tab, talker: AgentRow
) -> None:
    tab.expected += [r"401", r"WebSocket"]
    await tab.go(routes.agent_path(talker.id))
    run = RunPage(tab)
    await run.ask("Tell me a lot.")
    await run.says("word5 ")
    await tab.page.wait_for_url(re.compile(r"run="))
    watched = tab.page.url
    await _end_login(tab)
    await _sign_in(tab)

    await tab.page.wait_for_url(watched)
    await run.has_status("completed")
    await run.says("word400")


@pytest.mark.parametrize("then", ["//evil.example", "https://evil.example/", "/\\evil"])
async def test_login_leads_to_no_other_site(
    new_tab: NewTab, login: object, then: str
) -> None:
    tab = await new_tab(is_signed_in=False)
    await tab.page.goto(f"{tab.url}{routes.login_path(then)}")
    await _sign_in(tab)

    await tab.page.wait_for_url(f"{tab.url}/")


@pytest.mark.parametrize("is_dark", [False, True])
async def test_page_that_breaks_says_so_with_the_id_of_its_log_line(
    new_tab: NewTab, product: Product, is_dark: bool
) -> None:
    product.expected += ["page_broke", "Reflex Frontend Exception"]
    tab = await new_tab(size=PHONE, is_dark=is_dark)
    tab.expected += ["broken for a test"]
    await tab.page.add_init_script(BREAK)
    await tab.page.goto(f"{tab.url}{routes.AGENTS}")

    alert = tab.page.get_by_role("alert")
    await expect(alert).to_contain_text("This page broke")
    error_id = await alert.locator("code").inner_text()
    assert re.fullmatch(r"[0-9a-f]{12}", error_id)
    assert await tab.overflow() == 0
    assert await tab.axe_violations() == []
    await expect(alert.get_by_role("link", name="Reload the page")).to_be_visible()
    await asyncio.to_thread(
        wait_until,
        lambda: error_id in product.read_log("web"),
        seconds=10,
        what="The log has the error's id",
    )
