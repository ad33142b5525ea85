"""What an administrator does on the system page."""

from playwright.async_api import expect

from app import routes
from app.backend.core.run_events import RunStatus
from tests.e2e.browser import PHONE, Tab
from tests.e2e.conftest import NewTab
from tests.factories.rows import RowFactory
from tests.kept_steps import KeptSteps
from tests.product import Product, parts_of


async def test_steps_are_pruned_after_a_question(
    tab: Tab, new_tab: NewTab, product: Product
) -> None:
    async with parts_of(product) as (services, owner):
        # The scheduler pruned when it started, and will again in an hour.
        kept = KeptSteps(services, owner, RowFactory(services.db))
        await kept.add(None, RunStatus.COMPLETED, days=30)
    await tab.go(routes.SYSTEM)
    await tab.page.get_by_role("button", name="Prune checkpoints").click()
    dialog = tab.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("2 steps of 1 run would go, about ")
    assert await tab.axe_violations() == []

    await dialog.get_by_role("button", name="Delete them").click()

    await expect(tab.page.get_by_text("2 steps of 1 run deleted.")).to_be_visible()
    phone = await new_tab(size=PHONE)
    await phone.go(routes.SYSTEM)
    await phone.page.get_by_role("button", name="Prune checkpoints").click()
    await expect(phone.page.get_by_text("may still be needed")).to_be_visible()
    assert await phone.overflow() == 0
