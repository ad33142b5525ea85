"""Processes that never outlive the one that started them, not even when it is killed."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from app.cli import reaper

_PR_SET_PDEATHSIG = 1


class Child(Protocol):
    """A process that was started."""

    @property
    def pid(self) -> int:
        """Process id; the process leads a session of the same number."""
        ...

    @property
    def returncode(self) -> int | None:
        """Exit code, or minus the signal's number; None while it runs."""
        ...

    async def wait(self) -> int:
        """Wait for its end and return the exit code."""
        ...

    def terminate(self) -> None:
        """Ask it to end."""
        ...


async def start(
    command: Sequence[str], *, env: Mapping[str, str], log: Path
) -> asyncio.subprocess.Process:
    """Start `command` as the leader of a session of its own; what it prints goes to `log`."""
    descriptor = _open_log(log)
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=descriptor,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    finally:
        os.close(descriptor)


async def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path | None = None,
    has_input: bool = False,
) -> asyncio.subprocess.Process:
    """Start `command` like a part, with its standard output to read from; errors go to `log` or to ours."""
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    errors = None if log is None else _open_log(log)
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            env=env,
            stdin=pipe if has_input else nothing,
            stdout=pipe,
            stderr=errors,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    finally:
        if errors is not None:
            os.close(errors)


class Reaper:
    """Our line to the process that ends the parts when this one is gone."""

    def __init__(self) -> None:
        # As small as a Python can be: no site-packages, nothing imported.
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and script
            [sys.executable, "-I", "-S", reaper.__file__],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        self.pid = self._process.pid

    def watch(self, leader: int) -> None:
        """Add the session of `leader` to what must not outlive this process."""
        self._write(f"+{leader}\n")

    def forget(self, leader: int) -> None:
        """Take the session of `leader` off again: it is empty, and its number may be used anew."""
        self._write(f"-{leader}\n")

    def close(self) -> None:
        """Let it go: it ends what is left, then itself."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def _write(self, text: str) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(text.encode())
            self._process.stdin.flush()


def die_with_parent() -> None:
    """Ask for a SIGTERM when the process that made this one ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _open_log(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
