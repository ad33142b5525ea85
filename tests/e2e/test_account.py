"""One's own settings, the theme, and the keyboard."""

from playwright.async_api import expect

from app import routes
from tests.e2e.browser import EMAIL, PASSWORD, Tab
from tests.e2e.conftest import NewTab


async def test_api_key_works_until_it_is_revoked(tab: Tab) -> None:
    page = tab.page
    await tab.go(routes.SETTINGS)
    await page.get_by_label("Name of the new key").fill("journey")
    await page.get_by_role("button", name="Create key").click()
    key = await page.get_by_label("New API key").input_value()
    headers = {"Authorization": f"Bearer {key}"}
    address = f"{tab.url}/api/v1/agents"

    assert (await page.request.get(address, headers=headers)).status == 200
    await page.get_by_role("button", name="I have copied it").click()
    await page.get_by_role("button", name="Revoke journey").click()
    await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    await expect(page.get_by_text("The key journey is revoked.")).to_be_visible()

    assert (await page.request.get(address, headers=headers)).status == 401


async def test_new_key_is_put_away_when_the_page_is_left(tab: Tab) -> None:
    page = tab.page
    await tab.go(routes.SETTINGS)
    await page.get_by_label("Name of the new key").fill("left")
    await page.get_by_role("button", name="Create key").click()
    await expect(page.get_by_label("New API key")).to_be_visible()

    await page.get_by_role("link", name="Agents", exact=True).click()
    await expect(page.get_by_role("heading", name="Agents", level=1)).to_be_visible()
    await page.get_by_role("link", name="Settings", exact=True).click()

    await expect(page.get_by_role("button", name="Revoke left")).to_be_visible()
    await expect(page.get_by_label("New API key")).to_have_count(0)


async def test_theme_stays_after_a_reload(tab: Tab) -> None:
    page = tab.page
    await tab.go(routes.SETTINGS)

    await page.get_by_role("button", name="Dark", exact=True).click()
    await expect(page.locator("html")).to_have_class("dark")
    await page.reload()

    await expect(page.locator("html")).to_have_class("dark")
    await page.get_by_role("button", name="Light", exact=True).click()
    await expect(page.locator("html")).to_have_class("light")


async def test_page_is_dark_before_its_scripts_are_there(new_tab: NewTab) -> None:
    tab = await new_tab(is_dark=True)
    tab.expected.append("net::ERR_FAILED")
    await tab.page.route("**/assets/*.js", lambda route: route.abort())

    await tab.page.goto(f"{tab.url}{routes.SETTINGS}")

    await expect(tab.page.locator("html")).to_have_class("dark")


async def test_keys_move_between_pages(tab: Tab) -> None:
    page = tab.page
    await tab.go(routes.DASHBOARD)
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")

    await page.keyboard.press("?")
    await expect(sheet).to_be_visible()
    assert await tab.axe_violations() == []
    await page.keyboard.press("Escape")
    await expect(sheet).to_have_count(0)

    await page.keyboard.press("g")
    await page.keyboard.press("k")
    heading = page.get_by_role("heading", name="Knowledge", level=1)
    await expect(heading).to_be_focused()

    await page.keyboard.press("n")
    await expect(page.get_by_role("dialog", name="New collection")).to_be_visible()


async def test_keys_can_be_switched_off(tab: Tab) -> None:
    page = tab.page
    await tab.go(routes.DASHBOARD)
    await page.get_by_role("button", name="Keyboard shortcuts").click()
    await page.get_by_label("Single-key shortcuts are on").uncheck()
    await page.get_by_role("button", name="Close", exact=True).click()

    await page.keyboard.press("g")
    await page.keyboard.press("k")

    await expect(page.get_by_role("heading", name="Dashboard", level=1)).to_be_visible()


async def test_skip_link_leads_to_the_content(tab: Tab) -> None:
    page = tab.page
    await tab.go(routes.AGENTS)

    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    await page.keyboard.press("Enter")

    await expect(page.locator("#content")).to_be_focused()


async def test_signing_out_ends_the_login(new_tab: NewTab) -> None:
    tab = await new_tab(is_signed_in=False)
    page = tab.page
    await page.goto(f"{tab.url}{routes.SETTINGS}")

    await page.get_by_label("E-mail").fill("owner@example.org")
    await page.get_by_label("Password").fill("a wrong password")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("wrong")
    await expect(page.get_by_label("E-mail")).to_have_value("owner@example.org")

    await page.get_by_label("Password").fill("a sentence is good")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Settings", level=1)).to_be_visible()

    await tab.settle()
    await page.get_by_role("button", name="Sign out", exact=True).click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    await page.goto(f"{tab.url}{routes.AGENTS}")
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_signing_in_and_out_needs_no_scripts(new_tab: NewTab) -> None:
    tab = await new_tab(is_signed_in=False, has_scripts=False)
    page = tab.page
    await page.goto(f"{tab.url}{routes.login_path(routes.SETTINGS)}")
    await page.get_by_role("link", name="Other ways to sign in").click()
    await page.get_by_role("link", name="Sign in with a password").click()
    await page.goto(f"{tab.url}{routes.login_path(routes.SETTINGS)}")

    await page.get_by_label("E-mail").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Settings", level=1)).to_be_visible()
    me = f"{tab.url}/api/auth/me"
    assert (await page.request.get(me)).status == 200

    await page.get_by_role("button", name="Sign out", exact=True).click()
    await expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert (await page.request.get(me)).status == 401
