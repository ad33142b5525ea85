"""The supervisor's side of the nursery: asks it for processes, and hears when they end."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from app.cli import processes, reaper
from app.cli.processes import Reaper

_COMMAND = (sys.executable, "-m", "app.cli.nursery")


class Forked:
    """A process that the nursery forked."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._end: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def returncode(self) -> int | None:
        """Exit code, or minus the signal's number; None while it runs."""
        return self._end.result() if self._end.done() else None

    async def wait(self) -> int:
        """Wait for its end and return the exit code."""
        return await asyncio.shield(self._end)

    def terminate(self) -> None:
        """Ask it to end."""
        if not self._end.done():
            os.kill(self.pid, signal.SIGTERM)

    def end(self, code: int) -> None:
        """Note its end."""
        if not self._end.done():
            self._end.set_result(code)


class Nursery:
    """Forks processes from one that has imported what they share; starts that one again when it died."""

    def __init__(self, *, env: Mapping[str, str], log: Path, reaper: Reaper) -> None:
        self._env = env
        self._log = log
        self._reaper = reaper
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._numbers = count(1)
        self._asked: dict[int, asyncio.Future[Forked]] = {}
        self._forked: dict[int, Forked] = {}

    async def open(self) -> None:
        """Start the process, unless it runs."""
        async with self._starting:
            if self._listening is not None and not self._listening.done():
                return
            self._process = await processes.run(
                _COMMAND, env=self._env, log=self._log, has_input=True
            )
            self._reaper.watch(self._process.pid)
            self._listening = asyncio.create_task(self._listen(self._process))

    async def fork(
        self, module: str, log: Path, variables: Mapping[str, str]
    ) -> Forked:
        """Run `module` in a process of its own, with `variables` on top of the environment.

        Raises:
            ConnectionError: the nursery died; another try starts it again.
        """
        await self.open()
        assert self._process is not None  # noqa: S101 - opened above
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        number = next(self._numbers)
        answer: asyncio.Future[Forked] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        order = {
            "number": number,
            "module": module,
            "log": str(log),
            "variables": dict(variables),
        }
        self._process.stdin.write(f"{json.dumps(order)}\n".encode())
        return await answer

    async def close(self) -> None:
        """End the process."""
        if self._process is None or self._listening is None:
            return
        reaper.signal_sessions([self._process.pid], signal.SIGKILL)
        await self._process.wait()
        await self._listening
        self._reaper.forget(self._process.pid)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        async for line in process.stdout:
            told = json.loads(line)
            if "number" in told:
                forked = Forked(told["pid"])
                self._forked[forked.pid] = forked
                self._asked.pop(told["number"]).set_result(forked)
            elif told["ended"] in self._forked:
                self._forked.pop(told["ended"]).end(told["code"])
        await process.wait()
        # Its children are told to end, and nobody hears of it any more.
        for forked in self._forked.values():
            forked.end(-signal.SIGKILL)
        for answer in self._asked.values():
            answer.set_exception(ConnectionError("The nursery died."))
        self._forked.clear()
        self._asked.clear()
