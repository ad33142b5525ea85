"""Somebody sets up a second factor, signs in with it without scripts, and the pages for those without a login fit."""

from playwright.async_api import expect
from pyotp.totp import TOTP

from app import routes
from tests.e2e.browser import PHONE, Tab
from tests.e2e.conftest import NewTab

EMAIL = "grace@example.org"
PASSWORD = "correct horse battery"


async def _invited(tab: Tab) -> str:
    await tab.go(routes.PEOPLE)
    await tab.page.get_by_role("button", name="Invite").click()
    await tab.page.get_by_label("E-mail").fill(EMAIL)
    await tab.page.get_by_role("button", name="Make the link").click()
    link = await tab.page.get_by_label("One-time link").input_value()
    await tab.page.get_by_role("button", name="Done").click()
    return link


async def _set_up(there: Tab) -> list[str]:
    page = there.page
    await there.go(routes.SETTINGS)
    await page.get_by_role("button", name="Set it up").click()
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Set it up").click()
    await expect(page.get_by_alt_text("QR code")).to_be_visible()
    assert await there.axe_violations() == []
    assert await there.overflow() == 0
    totp = TOTP(await page.locator("form code").inner_text())
    await page.get_by_label("Code").fill(totp.now())
    await page.get_by_role("button", name="Turn on").click()
    codes = (await page.get_by_label("Recovery codes").input_value()).split()
    assert await there.axe_violations() == []
    await page.get_by_role("button", name="I have kept them").click()
    await expect(page.get_by_text("Recovery codes left: 10")).to_be_visible()
    return codes


async def test_second_factor_is_set_up_and_asked_for(new_tab: NewTab, tab: Tab) -> None:
    there = await new_tab(is_signed_in=False, size=PHONE)
    await there.page.goto(await _invited(tab))
    await there.page.get_by_label("Password").fill(PASSWORD)
    await there.page.get_by_role("button", name="Save and sign in").click()
    await there.settle()
    codes = await _set_up(there)
    assert len(codes) == 10

    plain = (await new_tab(is_signed_in=False, has_scripts=False)).page
    await plain.goto(f"{tab.url}{routes.login_path(routes.SETTINGS)}")
    await plain.get_by_label("E-mail").fill(EMAIL)
    await plain.get_by_label("Password").fill(PASSWORD)
    await plain.get_by_role("button", name="Sign in").click()
    await expect(plain.get_by_role("heading", name="Enter your code")).to_be_visible()
    assert (await plain.request.get(f"{tab.url}/api/auth/me")).status == 401
    await plain.get_by_label("Code").fill(codes[0])
    await plain.get_by_role("button", name="Sign in").click()
    await expect(plain.get_by_role("heading", name="Settings", level=1)).to_be_visible()

    await tab.go(routes.PEOPLE)
    await tab.page.get_by_role("button", name=f"Actions for {EMAIL}").click()
    await tab.page.get_by_role("button", name="Remove second factor").click()
    await tab.page.get_by_role("button", name="Remove it").click()
    await expect(
        tab.page.get_by_text("signs in with the password alone")
    ).to_be_visible()


async def test_pages_without_a_login_fit_on_a_phone(new_tab: NewTab) -> None:
    tab = await new_tab(is_signed_in=False, size=PHONE)
    pages = {
        routes.LOGIN: "Sign in",
        routes.LOGIN_CODE: "Enter your code",
        routes.SIGN_UP: "Create an account",
        routes.FORGOT_PASSWORD: "Forgot your password?",
    }
    for path, title in pages.items():
        await tab.go(path)

        heading = tab.page.get_by_role("heading", name=title, level=1)
        await expect(heading).to_be_visible()
        assert await tab.axe_violations() == [], path
        assert await tab.overflow() == 0, path
