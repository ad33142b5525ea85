"""An installation whose parts belong to one test, which may kill them."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.backend.core.settings import Settings
from tests.parts import Part, ask, free_port, wait_until
from tests.processes import Fork, ForkServer
from tests.stack import Stack, redis_binary, start_redis

WEB_SECONDS = 30


@dataclass
class Machine:
    """Starts the processes of the installation; what still lives is stopped at the end."""

    settings: Settings
    redis: Part
    postgres: Part | None
    fork_server: ForkServer
    forks: list[Fork] = field(default_factory=list[Fork])

    def start_worker(self) -> Fork:
        """Start a worker."""
        return self._start("app.workers.worker")

    def start_scheduler(self) -> Fork:
        """Start the scheduler."""
        return self._start("app.workers.scheduler")

    def start_runtime(self) -> Fork:
        """Start a runtime at the URL of the settings."""
        fork = self.fork_server.start_runtime(self.settings)
        self.forks.append(fork)
        return fork

    def start_web(self) -> Fork:
        """Start the API and the live logs at the port of the settings, and return when they answer."""
        fork = self._start("tests.serving")
        wait_until(
            lambda: ask(f"{self.settings.web_address}/health/live").is_success,
            seconds=WEB_SECONDS,
            what="The API answers",
        )
        return fork

    def stop(self) -> None:
        """Ask all processes to end, and then wait for each."""
        for fork in self.forks:
            fork.ask_to_end()
        for fork in self.forks:
            fork.stop()

    def _start(self, module: str) -> Fork:
        fork = self.fork_server.start(module, self.settings)
        self.forks.append(fork)
        return fork


@contextmanager
def open_machine(
    stack: Stack,
    fork_server: ForkServer,
    settings: Settings,
    folder: Path,
    **changes: Any,
) -> Generator[Machine, None, None]:
    """Give the installation of `settings` a Redis and addresses of its own; PostgreSQL is the one of the session."""
    port = free_port()
    with ExitStack() as cleanup:
        redis = start_redis(redis_binary(stack.kind), folder, port)
        cleanup.callback(redis.stop)
        own = {
            "redis_url": f"redis://127.0.0.1:{port}/0",
            "runtime_url": f"http://127.0.0.1:{free_port()}",
            "port": free_port(),
            **changes,
        }
        changed = settings.model_copy(update=own)
        machine = Machine(changed, redis, stack.postgres, fork_server)
        cleanup.callback(machine.stop)
        yield machine
