"""Documents of one's own: from a file to an answer that cites it."""

import asyncio
import re
from collections.abc import AsyncGenerator
from io import BytesIO
from pathlib import Path

import pytest
from playwright.async_api import FilePayload, WebSocketRoute, expect
from reportlab.pdfgen.canvas import Canvas

from app import routes
from app.backend.knowledge import uploads
from tests.e2e.browser import Tab
from tests.factories.rows import RowFactory
from tests.integration.providers.services import serving
from tests.integration.providers.vectors import Embeddings, connect_vectors
from tests.product import Product, parts_of

FACT = "The tide clock of Port Ellery was built in 1931 by Ada Morrow."
INGEST_SECONDS = 60
NOTES = """## Opening hours

The **reading room** of Port Ellery opens at `nine`.

| Day | Closes at |
|---|---|
| Sunday | **noon** |
"""


def _pdf(text: str) -> FilePayload:
    buffer = BytesIO()
    canvas = Canvas(buffer)
    canvas.drawString(72, 720, text)
    canvas.save()
    return {
        "name": "harbour.pdf",
        "mimeType": "application/pdf",
        "buffer": buffer.getvalue(),
    }


async def _new_collection(tab: Tab, name: str, *files: FilePayload) -> None:
    page = tab.page
    await tab.go(routes.KNOWLEDGE)
    await page.get_by_role("button", name="New collection").first.click()
    await page.get_by_label("Name").fill(name)
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    await page.locator("input[type=file]").set_input_files(files)


async def _find(tab: Tab, words: str) -> None:
    await tab.page.get_by_label("Question or words").fill(words)
    await tab.page.get_by_role("button", name="Find", exact=True).click()


async def test_file_that_comes_before_the_page_has_loaded_is_taken(tab: Tab) -> None:
    page = tab.page
    await _new_collection(tab, "Early")
    is_over = asyncio.Event()

    async def hold(socket: WebSocketRoute) -> None:
        await is_over.wait()
        socket.connect_to_server()

    await page.route_web_socket(re.compile("/_event"), hold)
    await page.reload()

    await page.locator("input[type=file]").set_input_files(_pdf(FACT))
    await expect(page.get_by_text("harbour.pdf")).to_be_visible()
    is_over.set()

    await expect(page.get_by_role("row").filter(has_text="harbour.pdf")).to_be_visible()


async def test_document_without_text_says_why(tab: Tab) -> None:
    page = tab.page
    await _new_collection(tab, "Wreck", _pdf(""))
    row = page.get_by_role("row").filter(has_text="harbour.pdf")
    await expect(row).to_contain_text("Failed", timeout=INGEST_SECONDS * 1000)

    await row.get_by_role("link", name="harbour.pdf").click()

    await expect(page.get_by_text("This document is not ready")).to_be_visible()
    assert await tab.axe_violations() == []


async def test_uploaded_pdf_is_found_and_shown_in_its_document(tab: Tab) -> None:
    page = tab.page

    await _new_collection(tab, "Harbour", _pdf(FACT))

    row = page.get_by_role("row").filter(has_text="harbour.pdf")
    await expect(row).to_contain_text("Ready", timeout=INGEST_SECONDS * 1000)
    await _find(tab, "Who built the tide clock?")
    await expect(page.get_by_text("Ada Morrow").first).to_be_visible()
    assert await tab.axe_violations() == []
    await row.get_by_role("link", name="harbour.pdf").click()
    await expect(page.get_by_text(FACT).first).to_be_visible()
    assert await tab.axe_violations() == []


async def test_same_bytes_again_are_said_to_be_there(tab: Tab) -> None:
    page = tab.page
    file = _pdf(FACT)
    await _new_collection(tab, "Twice", file)
    row = page.get_by_role("row").filter(has_text="harbour.pdf")
    await expect(row).to_contain_text("Ready", timeout=INGEST_SECONDS * 1000)

    await page.locator("input[type=file]").set_input_files(
        [file, {**file, "name": "copy.pdf"}]
    )

    await expect(page.get_by_text("Already here", exact=True)).to_be_visible()
    await expect(page.get_by_text("Already here as harbour.pdf")).to_be_visible()


async def test_found_passages_of_markdown_are_shown_without_marks(tab: Tab) -> None:
    page = tab.page
    notes: FilePayload = {
        "name": "hours.md",
        "mimeType": "text/markdown",
        "buffer": NOTES.encode(),
    }
    await _new_collection(tab, "Reading room", notes)
    row = page.get_by_role("row").filter(has_text="hours.md")
    await expect(row).to_contain_text("Ready", timeout=INGEST_SECONDS * 1000)

    await _find(tab, "When is the reading room open?")

    found = page.get_by_role("listitem").filter(has_text="hours.md").first
    await expect(found).to_contain_text(
        "The reading room of Port Ellery opens at nine."
    )
    await expect(found).to_contain_text("Sunday · noon")
    await found.get_by_role("link", name="Open").click()
    await expect(page.locator("#passage")).to_contain_text("reading room")


async def test_file_that_is_not_what_it_says_is_refused_in_words(
    tab: Tab, tmp_path: Path
) -> None:
    page = tab.page
    tab.expected.append("status of 4")
    await tab.go(routes.KNOWLEDGE)
    await page.get_by_role("button", name="New collection").first.click()
    await page.get_by_label("Name").fill("Trash")
    await page.get_by_role("button", name="Create", exact=True).click()
    await expect(page.get_by_role("heading", name="Trash", level=1)).to_be_visible()
    program: FilePayload = {
        "name": "report.pdf",
        "mimeType": "application/pdf",
        "buffer": b"MZ\x90\x00" + b"\x00" * 2000,
    }

    await page.locator("input[type=file]").set_input_files([program])

    await expect(page.get_by_text("report.pdf").first).to_be_visible()
    await expect(
        page.get_by_text("Refused").or_(page.get_by_text("PDF")).first
    ).to_be_visible()


@pytest.fixture
def service_of_vectors() -> Embeddings:
    return Embeddings()


@pytest.fixture
async def harbour(
    product: Product, login: object, service_of_vectors: Embeddings
) -> AsyncGenerator[str, None]:
    """The page of a collection whose vectors a provider makes; it has one document."""
    with serving(service_of_vectors.answer) as base:
        async with parts_of(product) as (services, owner):
            model = await connect_vectors(services, owner, f"{base}/v1")
            collection = await RowFactory(services.db).collection(
                owner, name="Lighthouse", embedding_model=model
            )
            await uploads.upload_document(
                services,
                owner,
                collection_id=collection.id,
                name="clock.txt",
                body=FACT.encode(),
            )
        yield routes.collection_path(collection.id)


async def test_search_says_that_it_went_on_by_words_alone(
    tab: Tab, harbour: str, service_of_vectors: Embeddings
) -> None:
    page = tab.page
    await tab.go(harbour)
    row = page.get_by_role("row").filter(has_text="clock.txt")
    await expect(row).to_contain_text("Ready", timeout=INGEST_SECONDS * 1000)
    note = page.get_by_role("status").filter(has_text="by words alone")
    found = page.get_by_role("listitem").filter(has_text="clock.txt")

    service_of_vectors.status = 400
    await _find(tab, "tide clock")

    await expect(note).to_contain_text("'Lighthouse' could not be searched by meaning")
    await expect(note).to_contain_text("refuses the request")
    await expect(found).to_contain_text("Ada Morrow")
    assert await tab.axe_violations() == []

    service_of_vectors.status = 200
    await _find(tab, "who built the clock")

    await expect(note).to_have_count(0)
    await expect(found).to_contain_text("Ada Morrow")
    await expect(note).to_have_count(0)
