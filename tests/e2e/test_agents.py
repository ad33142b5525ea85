"""Agents of one's own: made, refused, drafted, archived, brought back, deleted."""

import re

from playwright.async_api import expect

from app import routes
from tests.e2e.browser import Tab

ONE_AGENT = re.compile(r"/agents/[0-9a-f-]{36}$")


async def _make_agent(tab: Tab, name: str) -> None:
    await tab.go(routes.AGENT_NEW)
    await tab.page.locator("#name").fill(name)
    await tab.page.get_by_role("button", name="Save agent").click()
    await tab.page.wait_for_url(ONE_AGENT)


async def test_wrong_fields_say_so_beside_them(tab: Tab) -> None:
    page = tab.page
    await tab.go(f"{routes.AGENT_NEW}?template=study-partner")
    await expect(page.locator("#name")).to_have_value("Study partner")

    await page.locator("#name").fill("")
    await page.locator("#temperature").fill("9")
    await page.get_by_role("button", name="Save agent").click()

    await expect(page.locator("#name-error")).to_have_text("Fill this in.")
    await expect(page.locator("#temperature-error")).to_have_text("The most is 2.0.")
    await expect(page.locator("#name")).to_be_focused()
    assert await tab.axe_violations() == []


async def test_unsaved_words_survive_a_reload(tab: Tab) -> None:
    page = tab.page
    await tab.go(routes.AGENT_NEW)
    await page.locator("#instructions").fill("Be kind.")
    await expect(page.locator("#instructions")).to_have_value("Be kind.")
    kept = "Object.keys(localStorage).some(key => key.startsWith('draft:'))"
    while not await page.evaluate(kept):
        await page.evaluate("new Promise(requestAnimationFrame)")

    await page.reload()
    await expect(page.get_by_text("Your unsaved changes are back.")).to_be_visible()
    await expect(page.locator("#instructions")).to_have_value("Be kind.")

    await page.get_by_role("button", name="Discard them").click()
    await expect(page.locator("#instructions")).to_have_value("")


async def test_remote_agent_asks_for_its_address(tab: Tab) -> None:
    page = tab.page
    await tab.go(routes.AGENT_NEW)
    await expect(page.locator("#remote_url")).to_be_hidden()

    await page.get_by_text("Remote", exact=True).click()

    await expect(page.locator("#remote_url")).to_be_visible()


async def test_archived_agent_comes_back_by_undo(tab: Tab) -> None:
    page = tab.page
    await _make_agent(tab, "Archivist")
    await tab.go(routes.AGENTS)
    await page.get_by_label("Search agents").fill("archivist")
    menu = page.get_by_role("button", name="Actions for Archivist")

    await menu.click()
    await page.get_by_role("button", name="Archive", exact=True).click()
    await expect(page.get_by_text("Archivist is archived.")).to_be_visible()
    await expect(menu).to_have_count(0)

    await page.get_by_role("button", name="Undo").click()
    await expect(menu).to_be_visible()


async def test_notice_is_clicked_over_an_open_dialog(tab: Tab) -> None:
    page = tab.page
    await _make_agent(tab, "Patient one")
    await _make_agent(tab, "Patient two")
    await tab.go(routes.AGENTS)
    menu = page.get_by_role("button", name="Actions for Patient one")
    await menu.click()
    await page.get_by_role("button", name="Archive", exact=True).click()
    await expect(menu).to_have_count(0)

    await page.get_by_role("button", name="Actions for Patient two").click()
    await page.get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog", name="Delete Patient two?")
    await expect(dialog).to_be_visible()
    assert await tab.axe_violations() == []
    await page.get_by_role("button", name="Undo").click()

    await expect(page.locator("[aria-label='Actions for Patient one']")).to_be_visible()
    await expect(dialog).to_be_visible()
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_be_hidden()
    await expect(menu).to_be_visible()


async def test_deleting_an_agent_names_it_first(tab: Tab) -> None:
    page = tab.page
    await _make_agent(tab, "Ephemeral")
    await tab.go(routes.AGENTS)

    await page.get_by_role("button", name="Actions for Ephemeral").click()
    await page.get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog", name="Delete Ephemeral?")
    await expect(dialog).to_be_visible()
    assert await tab.axe_violations() == []
    await dialog.get_by_role("button", name="Delete", exact=True).click()

    await expect(page.get_by_text("Ephemeral is deleted.")).to_be_visible()
    await expect(page.get_by_role("link", name="Ephemeral")).to_have_count(0)


async def test_search_without_a_match_can_be_cleared(tab: Tab) -> None:
    page = tab.page
    await tab.go(routes.AGENTS)

    await page.get_by_label("Search agents").press_sequentially("nobody at all")
    await expect(page.get_by_text("No agent matches")).to_be_visible()
    await page.get_by_role("button", name="Clear search").click()

    await expect(page.get_by_role("link", name="Document Q&A")).to_be_visible()
    await expect(page.get_by_label("Search agents")).to_have_value("")


async def test_search_is_in_the_address(tab: Tab) -> None:
    page = tab.page
    await tab.go(routes.AGENTS)

    await page.get_by_label("Search agents").press_sequentially("quote")
    await page.wait_for_url(re.compile(r"[?]q=quote$"))
    await page.reload()

    await expect(page.get_by_label("Search agents")).to_have_value("quote")
    await expect(page.get_by_role("link", name="Quote finder")).to_be_visible()
    await expect(page.get_by_role("link", name="Plain chat")).to_have_count(0)
