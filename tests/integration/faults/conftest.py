"""An installation whose Redis, Chroma, runtime, worker and scheduler belong to one test, which may kill them."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core.settings import Settings
from tests.machine import Machine, open_machine
from tests.parts import Part
from tests.processes import ForkServer
from tests.stack import Stack, start_chroma

LEASE_SECONDS = 2.0


@pytest.fixture
def chroma(tmp_path: Path) -> Iterator[tuple[Part, str]]:
    """A Chroma of this test's own, and its URL."""
    part, port = start_chroma(tmp_path)
    yield part, f"http://127.0.0.1:{port}"
    part.stop()


@pytest.fixture
def machine(
    settings: Settings,
    stack: Stack,
    fork_server: ForkServer,
    tmp_path: Path,
    chroma: tuple[Part, str],
) -> Iterator[Machine]:
    """The installation of this test, with a short lease and a Redis, a Chroma and a runtime address of its own."""
    changes = {"chroma_url": chroma[1], "lease_seconds": LEASE_SECONDS}
    with open_machine(stack, fork_server, settings, tmp_path, **changes) as opened:
        yield opened


@pytest.fixture
async def services(machine: Machine) -> AsyncGenerator[Services, None]:
    """The parts of the web process of that installation."""
    async with bootstrap.build(machine.settings) as built:
        yield built
