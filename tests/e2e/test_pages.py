"""Every page, in both themes and on a phone: no errors, nothing that axe-core finds, nothing wider than the window."""

import pytest

from app import routes
from tests.e2e.browser import PHONE, Tab
from tests.e2e.conftest import NewTab

OPEN = (routes.LOGIN, routes.FIRST_RUN, routes.CHOOSE_PASSWORD)
MISSING = "/no-such-page"
SIGNED_IN = (
    routes.DASHBOARD,
    routes.AGENTS,
    routes.AGENT_NEW,
    routes.RUNS,
    routes.KNOWLEDGE,
    routes.SETTINGS,
    routes.PEOPLE,
    routes.AUDIT,
    routes.USAGE,
    routes.PLAYGROUND,
    MISSING,
)


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("path", [*OPEN, *SIGNED_IN])
async def test_page_is_accessible(new_tab: NewTab, path: str, is_dark: bool) -> None:
    tab = await new_tab(is_dark=is_dark, is_signed_in=path in SIGNED_IN)
    await _open(tab, path)

    assert await tab.axe_violations() == []
    assert await tab.page.locator("h1").count() == 1
    assert await tab.page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize("path", [*OPEN, *SIGNED_IN])
async def test_page_fits_a_phone(new_tab: NewTab, path: str) -> None:
    tab = await new_tab(size=PHONE, is_signed_in=path in SIGNED_IN)
    await _open(tab, path)

    assert await tab.overflow() == 0
    assert await tab.axe_violations() == []


@pytest.mark.parametrize("path", [routes.DASHBOARD, routes.AGENTS, routes.SETTINGS])
async def test_page_without_login_leads_to_the_login_page(
    new_tab: NewTab, path: str
) -> None:
    tab = await new_tab(is_signed_in=False)
    await tab.page.goto(f"{tab.url}{path}")

    await tab.page.get_by_role("button", name="Sign in").wait_for()


async def _open(tab: Tab, path: str) -> None:
    if path == MISSING:
        tab.expected.append("404")
    await tab.go(path)
