"""The product as its users start it: `atelier up` in a process of its own, on free ports and a temporary folder."""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from app.backend import bootstrap
from app.backend.agents.ready_made import manual_pages
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.rows import visible_to
from app.backend.core.settings import PARTS_FILE
from app.backend.identity import service as identity
from app.backend.knowledge.tables import DocumentRow
from tests.parts import Part, find_processes, free_port
from tests.stack import settings_of

# The last line of what it says; the link stands before it.
READY = "Ctrl-C stops everything"
START_SECONDS = 150  # the first start of a session may build the front end
COMPLAINT = re.compile(
    r"Traceback \(most recent|\[(?:error|critical)\s*\]|\bERROR\b|was never awaited"
)
STOP_SECONDS = 40  # a worker may bring its job to a good end
LINK = re.compile(r"https?://\S+[?&]token=\S+")


@asynccontextmanager
async def parts_of(product: "Product") -> AsyncGenerator[tuple[Services, Actor], None]:
    """Open the parts of the running installation, as its owner."""
    parts = json.loads((product.data_dir / PARTS_FILE).read_text())
    settings = settings_of(product.data_dir, **{"secret_key": None, **parts})
    async with bootstrap.build(settings) as services:
        async with services.db.read() as session:
            actor = await identity.find_actor_by_email(session, None)
        yield services, actor


async def manual_is_read(product: "Product") -> None:
    """Return when the manual that comes with a new account is there, and no document of the owner is being read any more."""
    pages = len(manual_pages())
    async with parts_of(product) as (services, owner):
        while True:
            async with services.db.read() as session:
                documents = (await session.exec(visible_to(owner, DocumentRow))).all()
            ends = [row for row in documents if row.status in {"ready", "failed"}]
            if len(ends) == len(documents) >= pages:
                return
            await asyncio.sleep(0.2)


class Product:
    """A running installation; `link` is its one-time link."""

    def __init__(
        self,
        data_dir: Path,
        *options: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.expected: list[str] = []
        self.port, self.runtime_port = free_port(), free_port()
        data_dir.mkdir(parents=True, exist_ok=True)
        program = Path(sys.executable).parent / "atelier"
        command = [
            *(str(program), "up", "--no-browser", "--port", str(self.port)),
            *("--runtime-port", str(self.runtime_port), "--data-dir", str(data_dir)),
            *options,
        ]
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("ATELIER_")
        }
        self._part = Part(
            command,
            log=data_dir.with_suffix(".log"),
            is_ready=lambda: READY in self.read_output(),
            environment={**clean, **(environment or {})},
            seconds=START_SECONDS,
        )

    @property
    def url(self) -> str:
        """URL of the web process."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def link(self) -> str:
        """The one-time link that creates the owner account."""
        found = LINK.search(self.read_output())
        assert found is not None, self.read_output()
        return found.group()

    def start(self) -> "Product":
        """Start, and return when everything is healthy."""
        self._part.start()
        return self

    def stop(self) -> list[psutil.Process]:
        """Press Ctrl-C, wait, and return the processes that outlive it."""
        family = self.processes()
        os.kill(self._part.pid, signal.SIGINT)
        _, alive = psutil.wait_procs(family, timeout=STOP_SECONDS)
        self._part.stop()
        return alive

    def kill(self) -> list[psutil.Process]:
        """Kill the supervisor alone, wait, and return the processes that outlive it."""
        family = self.processes()
        family[0].send_signal(signal.SIGKILL)
        _, alive = psutil.wait_procs(family, timeout=STOP_SECONDS)
        self._part.stop()
        return alive

    def processes(self) -> list[psutil.Process]:
        """Return all processes of the installation."""
        root = psutil.Process(self._part.pid)
        return [root, *root.children(recursive=True)]

    def kill_part(self, words: str) -> None:
        """Kill the processes whose command has `words`, as a crash would."""
        for process in find_processes(words, below=self._part.pid):
            process.kill()

    def kill_web(self) -> None:
        """Kill what listens on the port of the UI, as a crash would."""
        self.expected.append("Unexpected exit from worker")
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                ports = {
                    found.laddr.port
                    for found in process.net_connections("tcp")
                    if found.status == psutil.CONN_LISTEN
                }
                if self.port in ports:
                    process.kill()

    def read_output(self) -> str:
        """Return what `atelier up` printed."""
        return self._part.read_log()

    def read_log(self, name: str) -> str:
        """Return the log of one part."""
        return (self.data_dir / "logs" / f"{name}.log").read_text(errors="replace")

    def complaints(self) -> list[str]:
        """Return the lines of the logs that tell of something that no test caused."""
        return [
            f"{name}: {line}"
            for name, text in self.logs().items()
            for line in text.splitlines()
            if COMPLAINT.search(line)
            and not any(words in line for words in self.expected)
        ]

    def logs(self) -> dict[str, str]:
        """Return the logs of all parts."""
        return {
            path.stem: path.read_text(errors="replace")
            for path in sorted((self.data_dir / "logs").glob("*.log"))
        }
