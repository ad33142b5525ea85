"""The supervisor with real processes: small programs in place of the parts."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from app.cli.parts import Part
from app.cli.processes import Reaper
from app.cli.supervisor import PartFailed, Supervisor
from tests.parts import wait_until

SLEEP = "import time; time.sleep(600)"


async def at_once(_pid: int) -> bool:
    return True


def part(name: str, code: str = SLEEP, rank: int = 0, seconds: float = 5) -> Part:
    return Part(name, (sys.executable, "-c", code), at_once, rank, seconds)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def reaper() -> Iterator[Reaper]:
    made = Reaper()
    yield made
    made.close()


@pytest.fixture
def others() -> frozenset[int]:
    """Processes that other tests of the session left running on purpose."""
    return frozenset(child.pid for child in psutil.Process().children(recursive=True))


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str], reaper: Reaper) -> Supervisor:
    return Supervisor(env=os.environ, logs=tmp_path, reaper=reaper, say=said.append)


async def eventually(is_true: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(wait_until, is_true, seconds=10, what=what)


def children(but: Reaper, others: frozenset[int]) -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE
        and child.pid != but.pid
        and child.pid not in others
    ]


async def test_parts_stop_in_the_order_of_their_rank(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    code = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: (open({log!r}, "a").write({name!r} + " "), sys.exit()))
open({flag!r}, "w").close()
signal.pause()
"""
    log = tmp_path / "order"

    def telling(name: str, rank: int) -> Part:
        program = code.format(log=str(log), name=name, flag=str(tmp_path / name))

        async def is_waiting(_pid: int) -> bool:
            return (tmp_path / name).exists()

        return Part(name, (sys.executable, "-c", program), is_waiting, rank)

    async with supervisor.opened():
        await supervisor.start([telling("store", 2), telling("worker", 0)])

    assert log.read_text().split() == ["worker", "store"]


async def test_died_part_is_started_again_and_it_is_said(
    supervisor: Supervisor, said: list[str], tmp_path: Path
) -> None:
    flag = tmp_path / "once"
    code = f"import os, pathlib, time; f = pathlib.Path({str(flag)!r}); n = f.exists(); f.touch(); time.sleep(600 if n else 0.2); os.abort()"

    async with supervisor.opened():
        await supervisor.start([part("web", code)])
        await eventually(lambda: "web is back." in said, "The part comes back")

    death = next(line for line in said if "ended" in line)
    assert death.startswith("web ended (signal ABRT); starting it again in 0.5 s.")


async def test_part_that_cannot_start_is_an_error_with_its_last_words(
    supervisor: Supervisor, reaper: Reaper, others: frozenset[int]
) -> None:
    async def never(_pid: int) -> bool:
        return False

    command = (sys.executable, "-c", "print('no disk'); raise SystemExit(3)")

    with pytest.raises(PartFailed) as failed:
        async with supervisor.opened():
            await supervisor.start([Part("web", command, never, 0), part("chroma")])

    assert "web ended (exit code 3)" in failed.value.message
    assert "no disk" in failed.value.message
    assert children(reaper, others) == []


async def test_part_that_does_not_stop_is_killed(
    supervisor: Supervisor, said: list[str], reaper: Reaper, others: frozenset[int]
) -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('x', flush=True); time.sleep(600)"

    async with supervisor.opened():
        stubborn = part("worker", code, seconds=0.3)
        await supervisor.start([stubborn])
        log = supervisor.log_of(stubborn)
        await eventually(lambda: bool(log.read_text()), "It has set its handler")

    assert "worker did not stop in 0.3 s and was killed." in said
    assert children(reaper, others) == []


@pytest.mark.parametrize("is_hurried", [True, False], ids=["hurried", "out of time"])
async def test_part_with_work_gets_time_for_it_then_a_second_signal(
    supervisor: Supervisor, said: list[str], is_hurried: bool
) -> None:
    code = """
import signal, sys
times = iter((0, 1))
signal.signal(signal.SIGTERM, lambda *_: sys.exit() if next(times) else print('drains', flush=True))
print('works', flush=True)
while True:
    signal.pause()
"""
    worker = Part("worker", (sys.executable, "-c", code), at_once, 0, drain_seconds=600)

    async with supervisor.opened():
        await supervisor.start([worker])
        log = supervisor.log_of(worker)
        await eventually(lambda: "works" in log.read_text(), "It has set its handler")
        if is_hurried:
            asyncio.get_running_loop().call_later(0.1, supervisor.hurry)
        else:
            supervisor.drain_seconds_max = 0.1

    assert log.read_text().split() == ["works", "drains"]
    assert said == [line for line in said if "ready" in line]


async def test_output_of_a_command_is_returned(supervisor: Supervisor) -> None:
    assert await supervisor.run((sys.executable, "-c", "print(7)")) == "7\n"


async def test_command_that_fails_is_an_error(supervisor: Supervisor) -> None:
    with pytest.raises(PartFailed):
        await supervisor.run((sys.executable, "-c", "raise SystemExit(1)"))


def test_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    module = "tests.integration.cli.supervised"
    process = subprocess.Popen([sys.executable, "-m", module, str(tmp_path)])
    wait_until((tmp_path / "started").exists, seconds=20, what="The part runs")
    left = [int((tmp_path / name).read_text()) for name in ("parent", "child")]

    process.send_signal(signal.SIGKILL)
    process.wait()

    def are_gone() -> bool:
        return not any(psutil.pid_exists(pid) for pid in left)

    # The reaper asks first, and kills who does not listen after eight seconds.
    wait_until(are_gone, seconds=20, what="All of them end")
