"""A page of the product in a real browser, which remembers what went wrong in it."""

import re
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import cast
from urllib.parse import parse_qs, urlsplit

import httpx
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    StorageState,
    async_playwright,
)

from tests.product import Product

EMAIL = "owner@example.org"
PASSWORD = "a sentence is good"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
SECONDS = 15
START_SECONDS = 60  # the first account comes with agents and documents
BUSY = ".skeleton"
SHORTCUTS_BUTTON = "[data-shortcuts]"
SHORTCUTS = "dialog[aria-label='Keyboard shortcuts']"
DESKTOP = (1280, 800)
PHONE = (360, 740)
AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
# Violations of these rules are WCAG 2.2 AA failures, not matters of taste.
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def create_owner(product: Product) -> StorageState:
    """Create the owner account as the form does, and return the login for browsers."""
    token = parse_qs(urlsplit(product.link).query)["token"][0]
    with httpx.Client(base_url=product.url, timeout=START_SECONDS) as client:
        answer = client.post(
            "/api/auth/first-run",
            data={"token": token, "email": EMAIL, "password": PASSWORD},
            headers={"Origin": product.url},
        )
        assert answer.status_code == httpx.codes.SEE_OTHER, answer.text
        (cookie,) = client.cookies.jar
    return {
        "cookies": [
            {
                "name": cookie.name,
                "value": cookie.value or "",
                "domain": "127.0.0.1",
                "path": "/",
                "expires": -1,
                "httpOnly": True,
                "secure": False,
                "sameSite": "Lax",
            }
        ],
        "origins": [],
    }


def as_login(login: StorageState, token: str) -> StorageState:
    """Return what a browser keeps for the login of `token`, given what it keeps for another one."""
    cookies = [{**cookie, "value": token} for cookie in login.get("cookies", [])]
    return cast("StorageState", {**login, "cookies": cookies})


@asynccontextmanager
async def open_browser() -> AsyncGenerator[Browser, None]:
    """Start Chromium and close it at the end."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "chromium is missing. Install it, e.g. apt-get install chromium."
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        await browser.close()


@dataclass
class Tab:
    """A page, and the errors that it must not have; `expected` are patterns of those that a test causes."""

    page: Page
    url: str
    errors: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    @classmethod
    async def open(cls, context: BrowserContext, url: str) -> "Tab":
        """Open an empty page of the installation at `url`."""
        tab = cls(await context.new_page(), url)
        tab.page.set_default_timeout(SECONDS * 1000)
        tab.page.on("console", tab._note_console)
        tab.page.on("pageerror", lambda error: tab.errors.append(str(error)))
        tab.page.on("request", tab._note_request)
        return tab

    async def go(self, path: str) -> None:
        """Open a page of the product and return when it shows its data."""
        await self.page.goto(f"{self.url}{path}", wait_until="load")
        await self.settle()

    async def settle(self) -> None:
        """Return when the page has its heading and nothing on it is still loading."""
        await self.page.locator("h1").first.wait_for()
        await self.page.locator(BUSY).first.wait_for(state="detached")
        if await self.page.locator(SHORTCUTS_BUTTON).count():
            # The frame's widget comes with the scripts: from here on, the page takes clicks.
            await self.page.locator(SHORTCUTS).wait_for(state="attached")

    async def axe_violations(self) -> list[str]:
        """Return what axe-core finds wrong with the page as it is now."""
        options = {
            "resultTypes": ["violations"],
            "runOnly": {"type": "tag", "values": AXE_TAGS},
        }
        await self.page.evaluate(AXE)
        results = await self.page.evaluate("options => axe.run(options)", options)
        return [
            f"{found['id']}: {found['help']}: {[node['target'] for node in found['nodes']][:5]}"
            for found in results["violations"]
        ]

    async def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        return await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )

    def unexpected_errors(self) -> list[str]:
        """Return the errors that the test did not expect."""
        return [
            error
            for error in self.errors
            if not any(re.search(pattern, error) for pattern in self.expected)
        ]

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location.get('url')})")

    def _note_request(self, request: Request) -> None:
        is_own = request.url.startswith((self.url, self.url.replace("http", "ws", 1)))
        if not is_own and not request.url.startswith(("data:", "blob:")):
            self.errors.append(f"The page asked another host: {request.url}")


async def new_context(
    browser: Browser,
    *,
    state: StorageState | None = None,
    size: tuple[int, int] = DESKTOP,
    is_dark: bool = False,
    has_scripts: bool = True,
) -> BrowserContext:
    """Return a window of its own, signed in as `state` says."""
    width, height = size
    return await browser.new_context(
        storage_state=state,
        viewport={"width": width, "height": height},
        color_scheme="dark" if is_dark else "light",
        reduced_motion="reduce",
        java_script_enabled=has_scripts,
    )
