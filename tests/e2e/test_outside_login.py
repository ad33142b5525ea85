"""Somebody signs in with the company's provider, from the link of the login page to the page they wanted."""

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from app import routes
from app.backend.identity import people
from app.backend.identity.schemas import InviteDraft
from tests.e2e.browser import PHONE, Tab, create_owner, new_context
from tests.login_provider import LoginProvider
from tests.product import Product, parts_of

EMAIL = "ada@example.org"


@pytest.fixture
async def provider() -> AsyncGenerator[LoginProvider, None]:
    """The provider of the company."""
    async with LoginProvider.started("") as started:
        yield started


@pytest.fixture
async def company(
    folder: Path, provider: LoginProvider
) -> AsyncGenerator[Product, None]:
    """A product whose settings name the provider, with an invitation for Ada."""
    name = "ATELIER_OIDC_ISSUERS"
    environment = {name: json.dumps([provider.setting()])}
    product = Product(folder / "company", "--workers", "1", environment=environment)
    product.start()
    provider.redirect_uri = f"{product.url}/api/auth/oauth/company/callback"
    create_owner(product)
    async with parts_of(product) as (parts, owner), parts.db.transaction() as session:
        await people.invite(session, owner, draft=InviteDraft(email=EMAIL))
    yield product
    assert product.stop() == []
    assert product.complaints() == []


async def test_person_signs_in_elsewhere_and_lands_where_they_wanted(
    browser: Browser, company: Product
) -> None:
    tab = await Tab.open(await new_context(browser, size=PHONE), company.url)
    await tab.go(routes.login_path(routes.RUNS))
    link = tab.page.get_by_role("link", name="Sign in with Company")
    assert await tab.axe_violations() == []
    assert await tab.overflow() == 0

    await link.click()

    await tab.page.wait_for_url(f"{company.url}{routes.RUNS}")
    await tab.settle()
    await tab.go(routes.SETTINGS)
    await expect(tab.page.get_by_label("E-mail")).to_have_value(EMAIL)
    linked = tab.page.get_by_role("list", name="Linked logins")
    await expect(linked).to_contain_text(EMAIL)
    assert await tab.axe_violations() == []
    assert await tab.overflow() == 0
    await linked.get_by_role("button", name="Unlink Company").click()
    await expect(tab.page.get_by_text("only way to sign in")).to_be_visible()
    assert all("asked another host" in error for error in tab.errors), tab.errors
