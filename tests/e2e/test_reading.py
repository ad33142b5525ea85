"""An administrator reads what somebody has: each page says so, works, and changes nothing."""

from pathlib import Path

from playwright.async_api import Browser, expect

from app import routes
from app.backend.core.actor import Role
from tests.e2e.browser import EMAIL, PHONE, Tab, create_owner, new_context
from tests.factories.rows import RowFactory
from tests.product import Product, parts_of

SECRET = "What only Ada asks"
PAGES = (
    routes.DASHBOARD,
    routes.AGENTS,
    routes.RUNS,
    routes.KNOWLEDGE,
    routes.MODELS,
    routes.USAGE,
    routes.SETTINGS,
)


async def test_administrator_reads_and_stops(folder: Path, browser: Browser) -> None:
    allowed = {"ATELIER_ADMINS_READ": "true"}
    product = Product(folder / "reading", "--workers", "1", environment=allowed).start()
    try:
        login = create_owner(product)
        async with parts_of(product) as (services, _):
            rows = RowFactory(services.db)
            ada = await rows.user(role=Role.USER)
            agent = await rows.agent(ada, name=SECRET)
            run = await rows.run(ada, agent=agent)
        tab = await Tab.open(
            await new_context(browser, state=login, size=PHONE), product.url
        )
        await tab.go(routes.PEOPLE)
        await tab.page.get_by_role("button", name=f"Actions for {ada.email}").click()
        await tab.page.get_by_role("button", name="Read what they have").click()
        dialog = tab.page.get_by_role("dialog").filter(has_text="Read what")
        await dialog.get_by_role("button", name="Read", exact=True).click()

        banner = tab.page.get_by_role("status").filter(has_text="You read what")
        await expect(banner).to_contain_text(ada.email)
        assert await tab.axe_violations() == []
        for path in (*PAGES, routes.agent_path(agent.id), routes.run_path(run.id)):
            await tab.go(path)
            await expect(banner).to_be_visible()
            assert await tab.overflow() == 0, path
            await expect(tab.page.get_by_role("alert")).to_have_count(0)
        await tab.go(routes.AGENTS)
        await expect(tab.page.get_by_text(SECRET).first).to_be_visible()

        await tab.page.get_by_role("button", name="Stop reading").click()
        await expect(tab.page.get_by_role("heading", name="People")).to_be_visible()
        await expect(banner).to_have_count(0)
        await expect(tab.page.get_by_label(f"Role of {EMAIL}")).to_be_visible()
        assert tab.errors == []
    finally:
        left = product.stop()
    assert left == []
    assert product.complaints() == []
