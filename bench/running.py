"""The product as measurements use it: a fresh installation, its owner, a browser with an empty cache."""

import contextlib
import shutil
import tempfile
from collections import defaultdict
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
from playwright.async_api import BrowserContext, CDPSession, Page, StorageState

from app.backend.agents.ready_made import manual_pages
from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunCompleted, RunOutput, RunStatus
from app.backend.runs import live
from app.backend.runs.event_log import EventLog
from app.backend.runs.status import end_run
from app.backend.runs.tables import RunRow
from tests.e2e.browser import create_owner, new_context, open_browser
from tests.factories.rows import RowFactory
from tests.parts import wait_until
from tests.product import Product

READ_SECONDS = 90
_WHO = (
    ("granian", "web"),
    ("valkey", "Valkey"),
    ("--type=", "browser"),
    ("chromium", "browser"),
    ("multiprocessing", "clients"),
)


@contextmanager
def running_product(
    *options: str, environment: dict[str, str] | None = None
) -> Generator[Product, None, None]:
    """Start `atelier up` in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="atelier-bench-"))
    product = Product(folder / "data", *options, environment=environment).start()
    try:
        yield product
    finally:
        product.stop()
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def fresh_window(login: StorageState) -> AsyncGenerator[BrowserContext, None]:
    """Open a browser that has never seen the product."""
    async with open_browser() as browser:
        context = await new_context(browser, state=login)
        yield context
        await context.close()


def sign_up(product: Product) -> StorageState:
    """Create the owner account, and wait until the manual that comes with it is read: reading takes a core."""
    login = create_owner(product)
    cookies = {cookie["name"]: cookie["value"] for cookie in login.get("cookies", [])}  # pyright: ignore[reportTypedDictNotRequiredAccess]
    with httpx.Client(base_url=f"{product.url}/api/v1", cookies=cookies) as client:
        (collection,) = client.get("/collections").json()["items"]
        address = f"/collections/{collection['id']}/documents"

        def is_read() -> bool:
            documents = client.get(address, params={"limit": 200}).json()["items"]
            ready = [one for one in documents if one["status"] == "ready"]
            return len(ready) == len(manual_pages())

        wait_until(is_read, seconds=READ_SECONDS, what="The manual is read")
    return login


class Frames:
    """What a page's websockets bring, counted by the browser itself."""

    def __init__(self, session: CDPSession) -> None:
        self.bytes = 0
        self.count = 0
        session.on("Network.webSocketFrameReceived", self._note)

    @classmethod
    async def of(cls, page: Page) -> "Frames":
        """Start to count for `page`."""
        session = await page.context.new_cdp_session(page)
        await session.send("Network.enable")
        return cls(session)

    def take(self) -> tuple[int, int]:
        """Return bytes and frames since the last time."""
        taken = self.bytes, self.count
        self.bytes = self.count = 0
        return taken

    def _note(self, event: dict[str, Any]) -> None:
        self.count += 1
        self.bytes += len(event["response"]["payloadData"].encode())


class ProcessorTime:
    """Seconds of processor time, by who spends them: the writer is this process, which plays the worker."""

    def __init__(self) -> None:
        self._before = self._read()

    def take(self) -> dict[str, float]:
        """Return what was spent since the last time."""
        now = self._read()
        taken = {name: now[name] - self._before.get(name, 0) for name in now}
        self._before = now
        return taken

    def _read(self) -> dict[str, float]:
        own = psutil.Process()
        spent: dict[str, float] = defaultdict(float, writer=_seconds_of(own))
        for process in own.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                words = " ".join(process.cmdline())
                name = next((name for word, name in _WHO if word in words), "rest")
                spent[name] += _seconds_of(process)
        return spent


def _seconds_of(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


async def until(page: Page, condition: str) -> float:
    """Return the page's clock in the first frame in which the JavaScript `condition` holds."""
    # A loop of the page's own: its content security policy forbids code made from text later on.
    return await page.evaluate(
        f"""() => new Promise((resolve) => {{
            const look = () => ({condition}) ? resolve(performance.now()) : requestAnimationFrame(look);
            look();
        }})"""
    )


@dataclass
class OpenRun:
    """A run that a measurement writes itself, as its worker would."""

    row: RunRow
    log: EventLog

    @classmethod
    @asynccontextmanager
    async def begin(
        cls, services: Services, owner: Actor
    ) -> AsyncGenerator["OpenRun", None]:
        """Add a running run whose lease nobody ends, and open its log."""
        rows = RowFactory(services.db)
        row = await rows.run(
            owner,
            status=RunStatus.RUNNING,
            epoch=1,
            lease_until=clock.now() + timedelta(hours=1),
            started_at=clock.now(),
        )

        async with EventLog(services.db, row, services.streams.add) as log:
            yield cls(row, log)

    async def end(self, services: Services) -> None:
        """End the run as completed."""
        await self.log.flush()
        event = RunCompleted(output=RunOutput(answer="Done."), milliseconds=1.0)
        async with services.db.transaction() as session:
            ended = await end_run(session, self.row.id, event, epoch=1)
            assert ended is not None
            live.publish_after_commit(session, services.redis, self.row.id, ended[1])
