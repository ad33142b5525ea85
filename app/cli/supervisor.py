"""Keeps the parts of an installation running: starts them, restarts what died, stops all in order."""

import asyncio
import contextlib
import math
import signal
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from app.backend.core.errors import AppError
from app.cli import processes, reaper
from app.cli.forking import Nursery
from app.cli.parts import Part
from app.cli.processes import Child, Reaper

Say = Callable[[str], None]

_READY_SECONDS = 90.0
_PROBE_EVERY = 0.1
_ROTATE_EVERY = 30.0
_LOG_BYTES = 10_000_000
_STEADY_SECONDS = 60.0
_BACK_OFF = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_TAIL_LINES = 12


class PartFailed(AppError):
    """A part did not start."""

    code = "PART_FAILED"
    status = 503


@dataclass
class _Running:
    part: Part
    process: Child
    since: float


class Supervisor:
    """Runs parts until it is stopped."""

    def __init__(
        self, *, env: Mapping[str, str], logs: Path, reaper: Reaper, say: Say
    ) -> None:
        self._env = env
        self._logs = logs
        self._reaper = reaper
        self._say = say
        self._running: dict[str, _Running] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._nursery = Nursery(env=env, log=logs / "nursery.log", reaper=reaper)
        self._is_hurried = asyncio.Event()
        self.drain_seconds_max = math.inf

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator["Supervisor", None]:
        """Keep the parts running until the end of the block, then stop them in order."""
        rotation = asyncio.create_task(self._rotate_logs())
        try:
            yield self
        finally:
            for task in (rotation, *self._keepers):
                task.cancel()
            await asyncio.gather(rotation, *self._keepers, return_exceptions=True)
            await self._stop_all()
            await self._nursery.close()

    async def warm_up(self) -> None:
        """Begin the imports that our own parts share."""
        await self._nursery.open()

    async def start(self, parts: Sequence[Part]) -> None:
        """Start `parts` together and return when all of them are ready.

        Raises:
            PartFailed: with the end of the part's log.
        """
        await asyncio.gather(*(self._start(part) for part in parts))
        self._keepers += [asyncio.create_task(self._keep(part)) for part in parts]

    async def run(self, command: Sequence[str]) -> str:
        """Run `command` to its end and return what it printed; its errors go to the terminal.

        Raises:
            PartFailed: it did not end well; it has said why.
        """
        process = await processes.run(command, env=self._env)
        self._reaper.watch(process.pid)
        try:
            printed, _ = await process.communicate()
        finally:
            reaper.signal_sessions([process.pid], signal.SIGKILL)
            await process.wait()
            self._reaper.forget(process.pid)
        if process.returncode:
            message = "Atelier was not started."
            raise PartFailed(message)
        return printed.decode()

    async def wait(self) -> None:
        """Wait for the end that never comes by itself."""
        await asyncio.gather(*self._keepers)

    def hurry(self) -> None:
        """Ask the parts that bring their work to an end to let go of it; none of it is lost."""
        self._is_hurried.set()

    def kill(self) -> None:
        """End all parts at once."""
        leaders = [running.process.pid for running in self._running.values()]
        reaper.signal_sessions(leaders, signal.SIGKILL)

    def log_of(self, part: Part) -> Path:
        """Return where the output of `part` goes."""
        return self._logs / f"{part.name}.log"

    async def _start(self, part: Part) -> None:
        begun = time.monotonic()
        running = await self._launch(part)
        if await self._becomes_ready(running):
            self._say(f"  {part.name:<10} ready in {time.monotonic() - begun:.1f} s")
            return
        code = running.process.returncode
        what = (
            f"was not ready after {_READY_SECONDS:.0f} s"
            if code is None
            else f"ended ({_describe(code)}) while it started"
        )
        message = f"{part.name} {what}. The end of {self.log_of(part)}:\n{_tail(self.log_of(part))}"
        raise PartFailed(message)

    async def _keep(self, part: Part) -> None:
        deaths = 0
        while True:
            running = self._running[part.name]
            code = await running.process.wait()
            self._clean_up(running)
            is_steady = time.monotonic() - running.since > _STEADY_SECONDS
            deaths = 1 if is_steady else deaths + 1
            delay = _BACK_OFF[min(deaths, len(_BACK_OFF)) - 1]
            self._say(
                f"{part.name} ended ({_describe(code)}); starting it again in {delay:g} s. Its log: {self.log_of(part)}"
            )
            await asyncio.sleep(delay)
            if await self._becomes_ready(await self._launch(part)):
                self._say(f"{part.name} is back.")

    async def _launch(self, part: Part) -> _Running:
        process = await self._make_process(part)
        self._reaper.watch(process.pid)
        running = _Running(part, process, time.monotonic())
        self._running[part.name] = running
        return running

    async def _make_process(self, part: Part) -> Child:
        log = self.log_of(part)
        if not isinstance(part.run, str):
            env = {**self._env, **part.variables}
            return await processes.start(part.run, env=env, log=log)
        try:
            return await self._nursery.fork(part.run, log, part.variables)
        except ConnectionError:
            return await self._nursery.fork(part.run, log, part.variables)

    async def _becomes_ready(self, running: _Running) -> bool:
        end = time.monotonic() + _READY_SECONDS
        while time.monotonic() < end and running.process.returncode is None:
            if await running.part.is_ready(running.process.pid):
                return True
            await asyncio.sleep(_PROBE_EVERY)
        return False

    async def _stop_all(self) -> None:
        by_rank = sorted(self._running.values(), key=lambda running: running.part.rank)
        for _, group in groupby(by_rank, key=lambda running: running.part.rank):
            await asyncio.gather(*(self._stop(running) for running in group))

    async def _stop(self, running: _Running) -> None:
        process, part = running.process, running.part
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await self._drain(running)
        try:
            await asyncio.wait_for(process.wait(), part.stop_seconds)
        except TimeoutError:
            self._say(
                f"{part.name} did not stop in {part.stop_seconds:g} s and was killed."
            )
        finally:
            self._clean_up(running)
        await process.wait()

    async def _drain(self, running: _Running) -> None:
        seconds = min(running.part.drain_seconds, self.drain_seconds_max)
        if not seconds:
            return
        waiting = [
            asyncio.create_task(running.process.wait()),
            asyncio.create_task(self._is_hurried.wait()),
        ]
        await asyncio.wait(
            waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        for task in waiting:
            task.cancel()
        if running.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                running.process.terminate()

    def _clean_up(self, running: _Running) -> None:
        # What the part itself left behind, e.g. the fork of a killed worker.
        reaper.signal_sessions([running.process.pid], signal.SIGKILL)
        self._reaper.forget(running.process.pid)

    async def _rotate_logs(self) -> None:
        while True:
            for log in self._logs.glob("*.log"):
                if log.stat().st_size > _LOG_BYTES:
                    # The parts append, so that they go on in the emptied file.
                    log.with_suffix(".log.1").write_bytes(log.read_bytes())
                    with log.open("r+") as file:
                        file.truncate(0)
            await asyncio.sleep(_ROTATE_EVERY)


def _describe(code: int) -> str:
    return (
        f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name[3:]}"
    )


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
    return "\n".join(f"  {line}" for line in lines)
