"""Processes that never outlive the one that started them, not even when it is killed."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import psutil

_PR_SET_PDEATHSIG = 1
_GRACE_SECONDS = 8.0


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


def signal_sessions(leaders: Iterable[int], number: int) -> bool:
    """Signal every process of the sessions that `leaders` lead; tells whether there was one.

    Number 0 only asks. A worker's fork and a server's child leave their parent's process group, never its session.
    """
    wanted = set(leaders)
    is_any = False
    for pid in psutil.pids() if wanted else ():
        # A process that has just ended, or that another user owns, is not ours to signal.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) in wanted and not _is_dead(pid):
                os.kill(pid, number)
                is_any = True
    return is_any


class Reaper:
    """A tiny process that ends the parts when the supervisor is gone, even after `kill -9`."""

    def __init__(self) -> None:
        reading, self._writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._writing)
            _reap_at_end_of(reading)
        os.close(reading)

    def watch(self, leader: int) -> None:
        """Add the session of `leader` to what must not outlive this process."""
        os.write(self._writing, f"+{leader}\n".encode())

    def forget(self, leader: int) -> None:
        """Take the session of `leader` off again: it is empty, and its number may be used anew."""
        os.write(self._writing, f"-{leader}\n".encode())

    def close(self) -> None:
        """Let it go: it ends what is left, then itself."""
        os.close(self._writing)
        os.waitpid(self.pid, 0)


def _reap_at_end_of(reading: int) -> None:
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        leaders: set[int] = set()
        with os.fdopen(reading) as lines:
            for line in lines:
                change = leaders.add if line.startswith("+") else leaders.discard
                change(int(line[1:]))
        # Asked once: a second SIGTERM tells a worker to drop its job.
        number = int(signal.SIGTERM)
        end = time.monotonic() + _GRACE_SECONDS
        while signal_sessions(leaders, number):
            time.sleep(0.1)
            number = int(signal.SIGKILL) if time.monotonic() > end else 0
    finally:
        os._exit(0)


def die_with_parent() -> None:
    """Ask for a SIGTERM when the process that made this one ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _open_log(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _is_dead(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
