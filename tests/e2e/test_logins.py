"""Logins of one person on several devices."""

import time

from playwright.async_api import expect

from app import routes
from tests.e2e.browser import EMAIL, PASSWORD, Tab
from tests.e2e.conftest import NewTab

END = "Sign out everywhere else"
SECONDS = 5.0


async def _sign_in(tab: Tab) -> None:
    await tab.page.goto(f"{tab.url}{routes.login_path(routes.SETTINGS)}")
    await tab.page.get_by_label("E-mail").fill(EMAIL)
    await tab.page.get_by_label("Password").fill(PASSWORD)
    await tab.page.get_by_role("button", name="Sign in").click()
    await tab.settle()


async def test_open_page_is_left_soon_after_its_login_ended_elsewhere(
    new_tab: NewTab,
) -> None:
    there, here = (
        await new_tab(is_signed_in=False),
        await new_tab(is_signed_in=False),
    )
    await _sign_in(there)
    await _sign_in(here)
    lines = here.page.get_by_role("list", name="Logins").get_by_role("listitem")
    await expect(lines.filter(has_text="This device")).to_have_count(1)
    await expect(lines.first).to_contain_text("Chrome on Linux")
    await expect(lines.first).to_contain_text("from 127.0.0.1")

    # Only the page that was just signed in goes: the login that other tests share stays.
    await lines.nth(1).get_by_role("button", name="Sign out there").click()
    began = time.monotonic()
    heading = there.page.get_by_role("heading", name="Sign in")
    await expect(heading).to_be_visible()

    assert time.monotonic() - began < SECONDS
    await expect(here.page.get_by_role("button", name=END)).to_be_visible()
