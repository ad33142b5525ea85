"""An installation whose Redis, Chroma, runtime, worker and scheduler belong to one test, which may kill them."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core.settings import Settings
from tests.parts import Part, free_port
from tests.processes import Fork, ForkServer
from tests.stack import Stack, redis_binary, start_chroma, start_redis

LEASE_SECONDS = 2.0


@dataclass
class Machine:
    """Starts the processes of the installation; what still lives is stopped after the test."""

    settings: Settings
    redis: Part
    chroma: Part
    fork_server: ForkServer
    cleanup: ExitStack

    def start_worker(self) -> Fork:
        """Start a worker."""
        return self._start("app.workers.worker")

    def start_scheduler(self) -> Fork:
        """Start the scheduler."""
        return self._start("app.workers.scheduler")

    def start_runtime(self) -> Fork:
        """Start a runtime at the URL of the settings."""
        fork = self.fork_server.start_runtime(self.settings)
        self.cleanup.callback(fork.stop)
        return fork

    def _start(self, module: str) -> Fork:
        fork = self.fork_server.start(module, self.settings)
        self.cleanup.callback(fork.stop)
        return fork


@pytest.fixture
def machine(
    settings: Settings, stack: Stack, fork_server: ForkServer, tmp_path: Path
) -> Iterator[Machine]:
    """The installation of this test, with a short lease and a Redis, a Chroma and a runtime address of its own."""
    port = free_port()
    with ExitStack() as cleanup:
        redis = start_redis(redis_binary(stack.kind), tmp_path, port)
        cleanup.callback(redis.stop)
        chroma, chroma_port = start_chroma(tmp_path)
        cleanup.callback(chroma.stop)
        changes = {
            "chroma_url": f"http://127.0.0.1:{chroma_port}",
            "redis_url": f"redis://127.0.0.1:{port}/0",
            "runtime_url": f"http://127.0.0.1:{free_port()}",
            "lease_seconds": LEASE_SECONDS,
        }
        own = settings.model_copy(update=changes)
        yield Machine(own, redis, chroma, fork_server, cleanup)


@pytest.fixture
async def services(machine: Machine) -> AsyncGenerator[Services, None]:
    """The parts of the web process of that installation."""
    async with bootstrap.build(machine.settings) as built:
        yield built
