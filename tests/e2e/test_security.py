"""What browsers may do with our pages: nothing but what the pages need, and no page complains about it."""

import httpx
import pytest

from app import routes
from tests.e2e.browser import Tab
from tests.e2e.conftest import NewTab
from tests.product import Product

PAGES = (
    routes.DASHBOARD,
    routes.AGENTS,
    routes.AGENT_NEW,
    routes.RUNS,
    routes.KNOWLEDGE,
    routes.SETTINGS,
    routes.SYSTEM,
    routes.PEOPLE,
    routes.AUDIT,
    routes.LOGIN,
    routes.FIRST_RUN,
    routes.CHOOSE_PASSWORD,
)
OPEN = (routes.LOGIN, routes.FIRST_RUN, routes.CHOOSE_PASSWORD)
ANSWERS = (*PAGES, "/api/auth/me", "/api/nothing", "/version", "/favicon.svg")
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation",
    (event) => window.violations.push(`${event.effectiveDirective} ${event.blockedURI}`));
"""


async def _violations(tab: Tab) -> list[str]:
    return await tab.page.evaluate("window.violations")


@pytest.mark.parametrize("path", [*PAGES, "/docs"])
async def test_page_keeps_to_its_policy(new_tab: NewTab, path: str) -> None:
    tab = await new_tab(is_signed_in=path not in OPEN)
    await tab.page.add_init_script(WATCH)

    if path == "/docs":
        await tab.page.goto(f"{tab.url}{path}")
        await tab.page.get_by_role("heading", name="Atelier").wait_for()
    else:
        await tab.go(path)

    assert await _violations(tab) == []


async def test_page_runs_no_script_that_is_not_its_own(tab: Tab) -> None:
    tab.expected.append("Content Security Policy|another host")
    await tab.page.add_init_script(WATCH)
    await tab.go(routes.AGENTS)

    await tab.page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.taken = true";
            const picture = document.createElement("img");
            picture.src = "http://192.0.2.1/secret.png";
            document.body.append(script, picture);
        }"""
    )
    await tab.page.wait_for_function("window.violations.length === 2")

    assert {found.split()[0] for found in await _violations(tab)} == {
        "script-src-elem",
        "img-src",
    }
    assert await tab.page.evaluate("window.taken === undefined")


@pytest.mark.parametrize("path", ANSWERS)
async def test_every_answer_has_its_policy(product: Product, path: str) -> None:
    async with httpx.AsyncClient(base_url=product.url) as client:
        headers = (await client.get(path)).headers

    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe-eval" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "camera=()" in headers["permissions-policy"]
    assert "strict-transport-security" not in headers
