"""One running product for all journeys; each test gets a browser of its own."""

import shutil
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, StorageState

from tests.e2e.browser import DESKTOP, Tab, create_owner, new_context, open_browser
from tests.product import Product

PICTURES = Path(__file__).parent.parent.parent / "build" / "e2e"  # of failed tests
NewTab = Callable[..., Awaitable[Tab]]


@pytest.fixture(scope="package")
def folder() -> Iterator[Path]:
    """Where the installations of this session live."""
    path = Path(tempfile.mkdtemp(prefix="atelier-e2e-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="package")
def product(folder: Path) -> Iterator[Product]:
    """The product that most journeys share."""
    started = Product(folder / "shared", "--workers", "1").start()
    yield started
    left = started.stop()
    assert left == []
    assert started.complaints() == []


@pytest.fixture(scope="package")
def login(product: Product) -> StorageState:
    """The owner's login in the shared product."""
    return create_owner(product)


@pytest.fixture
async def browser() -> AsyncGenerator[Browser, None]:
    """A browser for one test."""
    async with open_browser() as opened:
        yield opened


@pytest.fixture
async def new_tab(
    browser: Browser,
    product: Product,
    login: StorageState,
    request: pytest.FixtureRequest,
) -> AsyncGenerator[NewTab, None]:
    """`await new_tab(size=PHONE, is_dark=True)` opens a window of the owner; none may have errors."""
    tabs: list[Tab] = []
    failed = request.session.testsfailed

    async def open_tab(
        *,
        size: tuple[int, int] = DESKTOP,
        is_dark: bool = False,
        is_signed_in: bool = True,
        has_scripts: bool = True,
    ) -> Tab:
        state = login if is_signed_in else None
        context = await new_context(
            browser, state=state, size=size, is_dark=is_dark, has_scripts=has_scripts
        )
        tabs.append(await Tab.open(context, product.url))
        return tabs[-1]

    yield open_tab
    if request.session.testsfailed > failed:
        PICTURES.mkdir(parents=True, exist_ok=True)
        for number, tab in enumerate(tabs):
            await tab.page.screenshot(
                path=PICTURES / f"{request.node.name}-{number}.png"
            )
    assert [error for tab in tabs for error in tab.unexpected_errors()] == []


@pytest.fixture
async def tab(new_tab: NewTab) -> Tab:
    """A window of the owner."""
    return await new_tab()
