"""The nursery: one process with the heavy imports, from which the parts are forked."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from app.cli.forking import Forked, Nursery
from app.cli.nursery import WORKER
from app.cli.processes import Reaper
from tests.parts import wait_until

MODULE = "tests.integration.cli.sleeper"


@asynccontextmanager
async def opened(log: Path, **variables: str) -> AsyncGenerator[Nursery, None]:
    reaper = Reaper()
    made = Nursery(env={**os.environ, **variables}, log=log, reaper=reaper)
    yield made
    await made.close()
    reaper.close()


@pytest.fixture
async def nursery(tmp_path: Path) -> AsyncGenerator[Nursery, None]:
    async with opened(tmp_path / "nursery.log") as made:
        yield made


async def fork_asleep(nursery: Nursery, log: Path) -> Forked:
    forked = await nursery.fork(MODULE, log, {"SLEEP": log.stem})
    await asyncio.to_thread(
        wait_until,
        lambda: log.read_text().endswith(f"{log.stem}, asleep\n"),
        seconds=20,
        what="It sleeps",
    )
    return forked


async def test_nursery_tells_of_the_end_and_starts_again_when_killed(
    nursery: Nursery, tmp_path: Path
) -> None:
    # One test, because the imports of a nursery take seconds.
    first = await fork_asleep(nursery, tmp_path / "first.log")
    second = await fork_asleep(nursery, tmp_path / "second.log")
    assert os.getsid(first.pid) == first.pid
    assert psutil.Process(first.pid).cmdline()[0].startswith(f"atelier {MODULE}")

    first.terminate()
    assert await first.wait() == 7
    assert second.returncode is None

    os.kill(psutil.Process(second.pid).ppid(), signal.SIGKILL)
    assert await second.wait() == -signal.SIGKILL
    third = await fork_asleep(nursery, tmp_path / "third.log")
    third.terminate()
    assert await third.wait() == 7


async def test_module_that_fails_says_so_in_its_log(
    nursery: Nursery, tmp_path: Path
) -> None:
    log = tmp_path / "bad.log"

    forked = await nursery.fork("tests.integration.cli.no_such_module", log, {})

    assert await forked.wait() == 1
    assert "No module named" in log.read_text()


async def test_worker_that_cannot_rehearse_says_so_and_others_are_forked(
    tmp_path: Path,
) -> None:
    log = tmp_path / "worker.log"
    async with opened(tmp_path / "nursery.log", ATELIER_PORT="none") as nursery:
        forked = await nursery.fork(WORKER, log, {})
        assert await forked.wait() == 1
        assert "port" in log.read_text()

        other = await fork_asleep(nursery, tmp_path / "other.log")
        other.terminate()
        assert await other.wait() == 7
