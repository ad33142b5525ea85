"""Real parts as processes: started on a free loopback port, awaited, and ended by their pid."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx
import psutil

from app.backend.core import tls

PR_SET_PDEATHSIG = 1


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(url: str) -> httpx.Response:
    """Get `url`, without reading all certificates for it: whoever waits for a part asks many times."""
    return httpx.get(url, verify=tls.trusted())


def wait_until(is_true: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Return when `is_true()`; errors of connecting count as not yet.

    Raises:
        TimeoutError: it did not become true in time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(Exception):
            if is_true():
                return
        time.sleep(0.02)
    message = f"{what} within {seconds} s: it did not happen."
    raise TimeoutError(message)


def end_process(pid: int, *, seconds: float = 10) -> None:
    """Ask a process to end and kill what is left of it and its children after `seconds`."""
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        root.terminate()
    _, alive = psutil.wait_procs([root], timeout=seconds)
    _, alive = psutil.wait_procs(family, timeout=0.2 if not alive else 0)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=5)


def find_processes(words: str, *, below: int) -> list[psutil.Process]:
    """Return the living descendants of the process `below` whose command has `words`."""
    found: list[psutil.Process] = []
    for process in psutil.Process(below).children(recursive=True):
        # One that has just ended has no command any more.
        with contextlib.suppress(psutil.NoSuchProcess):
            if words in " ".join(process.cmdline()):
                found.append(process)
    return found


class Part:
    """A server that tests talk to; its output goes to `log`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        is_ready: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        seconds: float = 30,
    ) -> None:
        self.command = list(command)
        self.log = log
        self._is_ready = is_ready
        self._environment = {**os.environ, **(environment or {})}
        self._cwd = cwd
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running part."""
        if self._process is None:
            message = f"{self.command[0]} is not running."
            raise RuntimeError(message)
        return self._process.pid

    def start(self) -> "Part":
        """Start the process and return when it answers."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                env=self._environment,
                cwd=self._cwd,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        try:
            wait_until(
                self._has_started, seconds=self._seconds, what="Ready to be used"
            )
        except BaseException as error:
            self.stop()
            error.add_note(f"{' '.join(self.command)}:\n{self.read_log()[-4000:]}")
            raise
        return self

    def stop(self) -> None:
        """End the process and wait for it."""
        if self._process is not None:
            end_process(self._process.pid)
            self._process.wait()
            self._process = None

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Kill the process at once, as a crash would, or with the signal that it takes for one."""
        os.kill(self.pid, number)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def read_log(self) -> str:
        """Return what the process has written so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def _has_started(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise _Ended(self._process.returncode)
        return self._is_ready()


class _Ended(BaseException):
    """The process ended instead of answering; not an Exception, so that waiting for it ends too."""

    def __init__(self, code: int) -> None:
        super().__init__(f"The process ended with exit code {code}.")


def _die_with_parent() -> None:
    # So that nothing outlives a killed test session.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
