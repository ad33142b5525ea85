"""What the pages ask of a network: the scripts that a browser loads for each, as they are sent."""

import re

import httpx
import pytest

from app import routes
from tests.product import Product

MOST = 185_000  # bytes, compressed
MOST_WITH_A_RUN = 260_000
WITH_A_RUN = (routes.agent_path("a"), routes.run_path("a"))
WITH_AN_ID = (
    *WITH_A_RUN,
    routes.agent_edit_path("a"),
    routes.collection_path("a"),
    routes.document_path("a"),
)
PAGES = (
    routes.LOGIN,
    routes.DASHBOARD,
    routes.AGENTS,
    routes.AGENT_NEW,
    routes.agent_edit_path("a"),
    routes.RUNS,
    routes.KNOWLEDGE,
    routes.collection_path("a"),
    routes.document_path("a"),
    routes.MODELS,
    routes.PLAYGROUND,
    routes.USAGE,
    routes.SETTINGS,
    routes.SYSTEM,
    routes.PEOPLE,
    routes.AUDIT,
    *WITH_A_RUN,
)
SCRIPT = re.compile(r"/assets/[^\"'>]+\.js")


@pytest.mark.parametrize("path", PAGES)
def test_page_loads_few_bytes_of_scripts(product: Product, path: str) -> None:
    with httpx.Client(
        base_url=product.url, headers={"Accept-Encoding": "br"}
    ) as client:
        page = client.get(path, headers={"Accept-Encoding": "identity"})
        found = set(SCRIPT.findall(page.headers.get("link", "") + page.text))
        sizes = {
            name: int(client.head(name).headers["content-length"]) for name in found
        }

    assert len(sizes) > 5
    assert sum(sizes.values()) < (MOST_WITH_A_RUN if path in WITH_A_RUN else MOST)


@pytest.mark.parametrize("path", WITH_AN_ID)
def test_page_with_an_id_is_rendered_ahead(product: Product, path: str) -> None:
    html = httpx.get(f"{product.url}{path}").text

    # What is not rendered ahead is the frame around grey, which has no heading.
    assert "<h1" in html
