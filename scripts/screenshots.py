"""Takes the pictures of the README from a running installation.

Usage: ATELIER_PASSWORD=… python -m scripts.screenshots http://127.0.0.1:8000 EMAIL
"""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright, expect

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
DESKTOP, PHONE = (1280, 800), (360, 740)
QUESTION = "Where is my data stored?"
SECONDS = 60


@asynccontextmanager
async def signed_in(
    browser: Browser, url: str, email: str, *, size: tuple[int, int], scheme: str
) -> AsyncGenerator[Page, None]:
    """Open a page that shows the dashboard."""
    width, height = size
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=2 if size == PHONE else 1,
    )
    page = await context.new_page()
    page.set_default_timeout(SECONDS * 1000)
    expect.set_options(timeout=SECONDS * 1000)
    await page.goto(f"{url}/login")
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label("Password").fill(os.environ["ATELIER_PASSWORD"])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()
    yield page
    await context.close()


async def ask(page: Page) -> None:
    """Ask the ready-made agent, and wait for its answer."""
    await page.get_by_role("link", name="Document Q&A").first.click()
    await page.wait_for_url("**/agents/*")
    box = page.get_by_role("textbox", name="Ask")
    await box.fill(QUESTION)
    await page.get_by_role("button", name="Run", exact=True).click()
    ended = page.get_by_test_id("event-log").get_by_text("Completed", exact=True)
    await expect(ended.last).to_be_visible()
    await expect(page.get_by_test_id("answer-text").last).to_be_visible()
    await page.locator("h1").scroll_into_view_if_needed()


async def shoot(page: Page, name: str) -> None:
    """Write what the page shows."""
    await page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")


async def take_all(url: str, email: str) -> None:
    """Take every picture."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        async with signed_in(browser, url, email, size=DESKTOP, scheme="light") as page:
            await ask(page)
            await shoot(page, "agent")
            await page.goto(f"{url}/")
            await expect(
                page.get_by_text("Completed", exact=True).first
            ).to_be_visible()
            await shoot(page, "dashboard")
            await page.goto(f"{url}/knowledge")
            await page.get_by_role("link", name="Atelier manual").first.click()
            await expect(page.get_by_text("usage.md").first).to_be_visible()
            await shoot(page, "collection")
        async with signed_in(browser, url, email, size=DESKTOP, scheme="dark") as page:
            await ask(page)
            await shoot(page, "agent-dark")
        async with signed_in(browser, url, email, size=PHONE, scheme="light") as page:
            await ask(page)
            await shoot(page, "agent-phone")
        await browser.close()


if __name__ == "__main__":
    asyncio.run(take_all(sys.argv[1].rstrip("/"), sys.argv[2]))
