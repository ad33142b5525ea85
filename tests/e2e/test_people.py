"""An administrator invites somebody, who comes, sees nothing of others, and is suspended."""

import time

from playwright.async_api import Browser, StorageState, expect

from app import routes
from app.backend.core.actor import Role
from tests.e2e.browser import PHONE, Tab, as_login, new_context
from tests.e2e.conftest import NewTab
from tests.factories.rows import RowFactory
from tests.product import Product, parts_of

EMAIL = "ada@example.org"
PASSWORD = "correct horse battery"
SECONDS = 5.0


async def test_person_is_invited_and_suspended(new_tab: NewTab, tab: Tab) -> None:
    page = tab.page
    await tab.go(routes.PEOPLE)
    await page.get_by_role("button", name="Invite").click()
    await page.get_by_label("E-mail").fill(EMAIL)
    assert await tab.axe_violations() == []
    await page.get_by_role("button", name="Make the link").click()
    link = await page.get_by_label("One-time link").input_value()
    assert await tab.axe_violations() == []
    await page.get_by_role("button", name="Done").click()
    person = page.get_by_role("row").filter(has_text=EMAIL)
    await expect(person).to_contain_text("Invited")

    there = await new_tab(is_signed_in=False)
    await there.page.goto(link)
    await there.page.get_by_label("Password").fill(PASSWORD)
    assert await there.axe_violations() == []
    await there.page.get_by_role("button", name="Save and sign in").click()
    await there.settle()
    await expect(there.page.get_by_role("link", name="People")).to_have_count(0)
    await there.go(routes.PEOPLE)
    refused = there.page.get_by_text("Only administrators see this page")
    await expect(refused).to_be_visible()
    await there.go(routes.RUNS)

    await tab.go(routes.PEOPLE)
    await expect(person).to_contain_text("Active")
    await page.get_by_role("button", name=f"Actions for {EMAIL}").click()
    await page.get_by_role("button", name="Suspend", exact=True).click()
    dialog = page.get_by_role("dialog").filter(has_text="Suspend ada")
    await dialog.get_by_role("button", name="Suspend").click()
    await expect(person).to_contain_text("Suspended")
    began = time.monotonic()
    heading = there.page.get_by_role("heading", name="Sign in")
    await expect(heading).to_be_visible()
    assert time.monotonic() - began < SECONDS


async def test_who_may_not_do_what_a_page_is_for_is_told_so(
    product: Product, browser: Browser, login: StorageState
) -> None:
    async with parts_of(product) as (services, _):
        rows = RowFactory(services.db)
        viewer = await rows.user(role=Role.VIEWER)
        token = await rows.login(viewer)
    tab = await Tab.open(
        await new_context(browser, state=as_login(login, token), size=PHONE),
        product.url,
    )
    for path in (routes.PLAYGROUND, routes.AGENT_NEW):
        await tab.go(path)

        refused = tab.page.get_by_text("Your role does not allow what this page is for")
        await expect(refused).to_be_visible()
        assert await tab.axe_violations() == []
    for path, name in (
        (routes.DASHBOARD, "New agent"),
        (routes.AGENTS, "New agent"),
        (routes.MODELS, "Playground"),
        (routes.MODELS, "Connect a provider"),
    ):
        await tab.go(path)

        await expect(tab.page.get_by_text(name, exact=True)).to_have_count(0)
    assert tab.errors == []


async def test_only_administrator_stays_one(tab: Tab) -> None:
    await tab.go(routes.PEOPLE)
    role = tab.page.get_by_label("Role of owner@example.org")

    await role.select_option("viewer")

    await expect(tab.page.get_by_text("only administrator")).to_be_visible()
    await expect(role).to_have_value("admin")


async def test_page_is_reached_and_fits_on_a_phone(new_tab: NewTab) -> None:
    tab = await new_tab(size=PHONE)
    await tab.go(routes.SYSTEM)
    await tab.page.get_by_role("link", name="People").click()
    heading = tab.page.get_by_role("heading", name="People", level=1)
    await expect(heading).to_be_visible()
    await tab.settle()

    assert await tab.overflow() == 0
    assert await tab.axe_violations() == []


async def test_tier_is_made_given_and_seen(new_tab: NewTab, tab: Tab) -> None:
    page = tab.page
    await tab.go(routes.TIERS)
    await page.get_by_role("button", name="New tier").click()
    await page.get_by_label("Name of the tier").fill("Team")
    await page.get_by_label("Runs a day").fill("many")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Write a whole number.")).to_be_visible()
    assert await tab.axe_violations() == []
    await page.get_by_label("Runs a day").fill("5000")
    await page.get_by_role("button", name="Save").click()
    listed = page.get_by_role("list", name="Tiers")
    await expect(listed).to_contain_text("5,000 runs a day")
    assert await tab.axe_violations() == []

    await tab.go(routes.PEOPLE)
    await page.get_by_role("button", name="Actions for owner@example.org").click()
    await page.get_by_role("button", name="Tier and limits").click()
    await page.get_by_label("Tier", exact=True).select_option("Team")
    assert await tab.axe_violations() == []
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("are saved")).to_be_visible()
    phone = await new_tab(size=PHONE)
    await phone.go(routes.SETTINGS)
    limits = phone.page.get_by_role("list", name="Your limits")
    await expect(limits).to_contain_text("of 5,000")
    assert await phone.overflow() == 0
    await phone.go(routes.TIERS)
    await expect(phone.page.get_by_role("list", name="Tiers")).to_be_visible()
    assert await phone.overflow() == 0

    await tab.go(routes.TIERS)
    await page.get_by_role("button", name="Delete the tier Team").click()
    await page.get_by_role("button", name="Delete", exact=True).click()
    await expect(listed).not_to_contain_text("Team")
