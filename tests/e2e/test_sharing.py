"""Two people in two browsers: one shares an agent with the other, and takes it back while it is being used."""

from playwright.async_api import expect

from app import routes
from app.backend.identity import service as identity
from app.backend.identity.schemas import UserDraft
from tests.e2e.browser import PHONE, Tab
from tests.e2e.conftest import NewTab
from tests.factories.rows import RowFactory
from tests.product import Product, parts_of

EMAIL = "bob@example.org"
PASSWORD = "correct horse battery"


async def _make_things(product: Product) -> str:
    """Make the other person, and the agent that they will share; returns its address."""
    draft = UserDraft.model_validate({"email": EMAIL, "password": PASSWORD})
    async with parts_of(product) as (services, owner):
        async with services.db.transaction() as session:
            await identity.create_user(session, owner, draft=draft)
        agent = await RowFactory(services.db).agent(owner, name="Shared one")
    return routes.agent_path(agent.id)


async def _sign_in(tab: Tab) -> None:
    await tab.go(routes.LOGIN)
    await tab.page.get_by_label("E-mail").fill(EMAIL)
    await tab.page.get_by_label("Password").fill(PASSWORD)
    await tab.page.get_by_role("button", name="Sign in").click()
    await tab.page.wait_for_url(lambda url: "/login" not in url)
    await tab.settle()


async def test_agent_is_shared_used_and_withdrawn_under_the_others_feet(
    product: Product, new_tab: NewTab, tab: Tab
) -> None:
    address = await _make_things(product)
    there = await new_tab(is_signed_in=False, size=PHONE)
    await _sign_in(there)
    await there.go(address)
    await expect(there.page.get_by_text("There is no such agent")).to_be_visible()

    await tab.go(address)
    await tab.page.get_by_role("button", name="Share", exact=True).click()
    dialog = tab.page.get_by_role("dialog")
    await dialog.get_by_label("E-mail of a person").fill(EMAIL)
    await dialog.get_by_role("button", name="Share", exact=True).click()
    shares = dialog.get_by_role("list", name="Shared with")
    await expect(shares.get_by_text(EMAIL)).to_be_visible()
    assert await tab.axe_violations() == []

    await there.go(routes.agents_path(show="shared"))
    assert await there.overflow() == 0
    await there.page.get_by_role("link", name="Shared one").click()
    await there.settle()
    page = there.page
    await expect(page.get_by_text("by owner@example.org")).to_be_visible()
    await expect(page.get_by_role("link", name="Edit")).to_have_count(0)
    await page.get_by_label("Ask in plain words").fill("Who are you?")
    await page.get_by_role("button", name="Run", exact=True).click()
    await expect(page.get_by_text("Completed").first).to_be_visible()

    await page.get_by_label("Ask a follow-up").fill("And now?")
    await dialog.get_by_role("button", name=f"Stop sharing with {EMAIL}").click()
    await expect(dialog.get_by_text("With nobody yet.")).to_be_visible()
    # The page may have seen it before the click.
    gone = page.get_by_text("This agent is no longer shared with you")
    run = page.get_by_role("button", name="Run", exact=True)
    if await run.is_visible():
        await run.click()
    await expect(gone).to_be_visible()
    await expect(run).to_have_count(0)
    assert await there.axe_violations() == []

    await there.go(routes.RUNS)
    await expect(page.get_by_text("Who are you?").first).to_be_visible()
