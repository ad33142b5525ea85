"""A provider is connected with the wizard, its model answers in a run, and a wrong key is explained."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from app import routes
from app.backend.models import service as models
from app.backend.models.schemas import Environment, ModelDraft
from app.backend.providers import service as providers
from app.backend.providers.schemas import ProviderDraft
from tests.e2e.browser import PHONE, Tab
from tests.e2e.conftest import NewTab
from tests.factories.model_files import NAME, copy_model
from tests.integration.providers import vendors
from tests.integration.providers.vendors import KEY
from tests.product import Product, parts_of

SLOWLY = 30_000


@pytest.fixture
def anthropic_url() -> Iterator[str]:
    """A server that speaks Anthropic's protocol."""
    with vendors.serving(vendors.anthropic()) as url:
        yield url


async def test_provider_is_connected_and_answers(tab: Tab, anthropic_url: str) -> None:
    page = tab.page
    await tab.go(routes.MODELS)
    await page.get_by_role("button", name="Connect a provider").first.click()
    assert await tab.axe_violations() == []
    await page.get_by_role("button", name="Anthropic").click()
    form = page.get_by_role("dialog").filter(has_text="Claude models")
    await form.get_by_label("URL").fill(anthropic_url)
    await form.get_by_label("API key").fill("a-key-that-is-wrong")
    await form.get_by_role("button", name="Test and connect").click()
    failed = form.locator("[data-status=failed]")
    # A vendor's library is read at its first use, which takes seconds on a busy machine.
    await expect(failed).to_contain_text("rejects the key", timeout=SLOWLY)
    assert await tab.axe_violations() == []

    await form.get_by_label("API key").fill(KEY)
    await form.get_by_role("button", name="Test and connect").click()
    offers = page.get_by_role("dialog").filter(has_text="Models of anthropic")
    await offers.get_by_role("button", name="Add good").click()
    await expect(offers.get_by_text("Added", exact=True)).to_be_visible()
    assert await tab.axe_violations() == []
    await offers.get_by_role("button", name="Done").click()
    await expect(page.get_by_text("New agents use anthropic/good")).to_be_visible()

    await tab.go(routes.AGENT_NEW)
    await page.locator("#name").fill("Arithmetic")
    await expect(page.locator("#model")).to_have_value("anthropic/good")
    await page.get_by_role("button", name="Save agent").click()
    await page.locator("#query").fill("What is 2 plus 2?")
    await page.locator("#query").press("Enter")
    answer = page.get_by_text("The answer is 4.").first
    await expect(answer).to_be_visible(timeout=SLOWLY)

    # Other journeys begin with the model on this machine.
    await tab.go(routes.MODELS)
    await page.get_by_role("button", name="Actions for anthropic").click()
    await page.get_by_role("button", name="Switch off").first.click()
    await expect(page.get_by_text("New agents use local/")).to_be_visible()


async def test_model_file_is_added_measured_and_taken_out(
    product: Product, tab: Tab, tmp_path: Path
) -> None:
    async with parts_of(product) as (services, _):
        file = copy_model(services.settings, tmp_path)
    page = tab.page
    await tab.go(routes.MODELS)
    await page.get_by_role("button", name="Add a file").click()
    form = page.get_by_role("dialog").filter(has_text="in the format GGUF")
    await form.get_by_label("Path or URL").fill(f"{file}.not")
    await form.get_by_role("button", name="Add", exact=True).click()
    await expect(form.get_by_text("is not a file")).to_be_visible()
    assert await tab.axe_violations() == []

    await form.get_by_label("Path or URL").fill(str(file))
    await form.get_by_role("button", name="Add", exact=True).click()
    listed = page.get_by_role("list", name="On this machine")
    added = listed.get_by_role("listitem").filter(has_text=f"local/{NAME}")
    await expect(added).to_contain_text("tokens/s", timeout=SLOWLY)
    await expect(form).to_be_hidden()
    assert await tab.axe_violations() == []

    await added.get_by_role("button", name="Actions for local/").click()
    await added.get_by_role("button", name="Delete").click()
    question = page.get_by_role("dialog").filter(has_text="The file itself stays")
    await question.get_by_role("button", name="Delete").click()
    await expect(added).to_have_count(0)


async def _connect(product: Product, **fields: str) -> None:
    """Connect a provider for everybody that has the model `echo`."""
    draft = {"type": "scripted", "is_shared": True, **fields}
    async with (
        parts_of(product) as (services, owner),
        services.db.transaction() as session,
    ):
        provider = await providers.create_provider(
            session, owner, draft=ProviderDraft.model_validate(draft), parts=services
        )
        await models.add_model(
            session,
            owner,
            draft=ModelDraft(provider_id=provider.id, name="echo"),
            environment=Environment.LAB,
        )


async def test_cheap_default_is_chosen_in_the_menu_of_a_model(
    product: Product, tab: Tab
) -> None:
    await _connect(product, name="thrifty", label="Thrifty")
    page = tab.page
    await tab.go(routes.MODELS)
    provider = page.get_by_role("listitem").filter(
        has=page.get_by_role("heading", name="Thrifty")
    )
    mark = provider.get_by_title("Goes on where a budget is used up")
    actions = provider.get_by_role("button", name="Actions for echo")

    await actions.click()
    await provider.get_by_role("button", name="Make it the cheap default").click()
    await expect(mark).to_be_visible()
    assert await tab.axe_violations() == []
    await actions.click()
    await provider.get_by_role("button", name="No longer the cheap default").click()
    await expect(mark).to_have_count(0)


async def test_name_of_a_provider_is_whole_on_a_phone(
    product: Product, new_tab: NewTab
) -> None:
    label = "Scripts of the whole department"
    await _connect(product, name="scripts-of-the-department", label=label)
    tab = await new_tab(size=PHONE)
    await tab.go(routes.MODELS)

    heading = tab.page.get_by_role("heading", name=label)
    for shown in (heading, heading.locator("xpath=following-sibling::p")):
        await expect(shown).to_be_visible()
        assert await shown.evaluate("one => one.scrollWidth - one.clientWidth") == 0
    assert await tab.overflow() == 0


async def test_page_fits_on_a_phone(new_tab: NewTab) -> None:
    tab = await new_tab(size=PHONE)
    await tab.go(routes.SETTINGS)
    await tab.page.get_by_role("link", name="Models").click()
    heading = tab.page.get_by_role("heading", name="Models", level=1)
    await expect(heading).to_be_visible()
    await tab.settle()

    assert await tab.overflow() == 0
    assert await tab.axe_violations() == []
