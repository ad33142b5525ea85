"""The product as measurements use it: a fresh installation, its owner, a browser with an empty cache."""

import json
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, StorageState

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.settings import Settings
from app.backend.identity import service as identity
from tests.e2e.browser import create_owner, new_context, open_browser
from tests.product import Product


@contextmanager
def running_product(*options: str) -> Generator[Product, None, None]:
    """Start `atelier up` in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="atelier-bench-"))
    product = Product(folder / "data", *options).start()
    try:
        yield product
    finally:
        product.stop()
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def parts_of(product: Product) -> AsyncGenerator[tuple[Services, Actor], None]:
    """Open the parts of the running installation, as its owner."""
    parts = json.loads((product.data_dir / "parts.json").read_text())
    values: dict[str, Any] = {**parts, "data_dir": product.data_dir}
    settings = Settings(_env_file=None, **values)  # pyright: ignore[reportCallIssue]
    async with bootstrap.build(settings) as services:
        async with services.db.read() as session:
            actor = await identity.find_actor_by_email(session, None)
        yield services, actor


@asynccontextmanager
async def fresh_window(login: StorageState) -> AsyncGenerator[BrowserContext, None]:
    """Open a browser that has never seen the product."""
    async with open_browser() as browser:
        context = await new_context(browser, state=login)
        yield context
        await context.close()


def sign_up(product: Product) -> StorageState:
    """Create the owner account."""
    return create_owner(product)
