"""What stands before a model is put there in the browser, and acts in the next run, which shows it."""

from playwright.async_api import expect

from app import routes
from tests.e2e.browser import PHONE, Tab
from tests.e2e.conftest import NewTab

SLOWLY = 30_000
MODEL = "scripted/hello"


async def _open(tab: Tab) -> None:
    await tab.go(routes.MODELS)
    await tab.page.get_by_role("button", name="Middleware", exact=True).click()
    await tab.page.locator("#before").select_option(MODEL)


async def test_middleware_is_added_and_acts(tab: Tab) -> None:
    page = tab.page
    await _open(tab)
    before = page.get_by_role("dialog").filter(has_text="Nothing stands before")
    await before.get_by_role("button", name="Add middleware").click()
    assert await tab.axe_violations() == []
    await page.get_by_role("button", name="Validation").click()
    form = page.get_by_role("dialog").filter(has_text="Forbidden in questions")
    await form.get_by_label("Forbidden in questions").fill("(secret")
    await form.get_by_role("button", name="Save").click()
    await expect(form.get_by_text("is no regular expression")).to_be_visible()
    assert await tab.axe_violations() == []
    await form.get_by_label("Forbidden in questions").fill("secret plan")
    await form.get_by_role("button", name="Save").click()
    rows = page.get_by_role("list", name="Middleware").get_by_role("listitem")
    await expect(rows).to_have_count(1)
    await page.get_by_role("button", name="Add middleware").click()
    await page.get_by_role("button", name="Logging").click()
    await page.get_by_role("button", name="Save").click()
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("Logging")
    assert await tab.axe_violations() == []
    dialog = page.get_by_role("dialog", name="Middleware", exact=True)
    await dialog.get_by_role("button", name="Close").click()

    await tab.go(routes.AGENT_NEW)
    await page.locator("#name").fill("Guarded")
    await page.locator("#model").select_option(MODEL)
    await page.get_by_role("button", name="Save agent").click()
    await page.locator("#query").fill("What is the secret plan?")
    await page.locator("#query").press("Enter")
    refused = page.get_by_text("that the rules of this model forbid").first
    await expect(refused).to_be_visible(timeout=SLOWLY)
    logged = page.get_by_text("Logging, before the model").first
    await expect(logged).to_be_visible()

    await _open(tab)
    for name in ("Validation", "Logging"):
        await page.get_by_role("button", name=f"Delete {name}").click()
        await page.get_by_role("button", name="Delete", exact=True).click()
    await expect(page.get_by_text("Nothing stands before this model")).to_be_visible()


async def test_dialogs_fit_on_a_phone(new_tab: NewTab) -> None:
    tab = await new_tab(size=PHONE)
    await _open(tab)
    page = tab.page
    await page.get_by_role("button", name="Add middleware").click()
    await page.get_by_role("button", name="Private data").click()
    await expect(page.get_by_label("Further patterns")).to_be_visible()

    assert await tab.overflow() == 0
    assert await tab.axe_violations() == []
