"""Notes of agents, as a person sees and changes them."""

from playwright.async_api import expect

from app import routes
from app.backend.tools import notes
from tests.e2e.browser import PHONE
from tests.e2e.conftest import NewTab
from tests.product import Product, parts_of


async def test_note_is_changed_and_deleted_by_hand(
    new_tab: NewTab, product: Product, login: object
) -> None:
    async with (
        parts_of(product) as (services, owner),
        services.db.transaction() as session,
    ):
        await notes.put_note(session, owner, name="shopping list", text="Milk")
    tab, phone = await new_tab(is_dark=True), await new_tab(size=PHONE)
    await phone.go(routes.KNOWLEDGE)
    assert await phone.overflow() == 0
    await phone.page.get_by_role("button", name="shopping list").click()
    assert await phone.axe_violations() == []
    await tab.go(routes.KNOWLEDGE)
    row = tab.page.get_by_role("list", name="Notes").get_by_role("button")
    await row.click()
    dialog = tab.page.get_by_role("dialog", name="shopping list")
    await expect(dialog.get_by_label("What it says")).to_have_value("Milk")
    assert await tab.axe_violations() == []
    await dialog.get_by_label("What it says").fill("Bread")
    await dialog.get_by_role("button", name="Save").click()
    await expect(row).to_contain_text("Bread")

    await row.click()
    await dialog.get_by_role("button", name="Delete").click()
    question = tab.page.get_by_role("dialog", name="Delete shopping list?")
    await question.get_by_role("button", name="Delete").click()

    await expect(tab.page.get_by_text("The note is deleted.")).to_be_visible()
    await expect(tab.page.get_by_role("list", name="Notes")).to_have_count(0)
