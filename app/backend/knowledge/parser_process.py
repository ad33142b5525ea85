"""What a parser's process may use, and how it answers: a hostile file costs no more than this."""

import ctypes
import fcntl
import json
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict

from app.backend.knowledge.parsed import Parsed

CPU_SECONDS_MAX = 120
MEMORY_MAX = 2 * 1024**3
_PR_SET_PDEATHSIG = 1


class CannotRead(Exception):
    """The file cannot be read; the text is for its owner."""


def serve(connection: socket.socket, read: Callable[[bytes], Parsed]) -> None:
    """Read the file that comes over `connection` and answer with its text, as JSON, within the limits."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with connection.makefile("rb") as file:
        body = file.read()
    _end_when_left(connection, True)
    if _is_left(connection):
        return
    try:
        answer = {"parsed": asdict(read(body))}
    except CannotRead as error:
        answer = {"refusal": str(error)}
    _end_when_left(connection, False)
    connection.sendall(json.dumps(answer).encode())


def _is_left(connection: socket.socket) -> bool:
    """Tell whether the other side has stopped to wait already, before the signal was asked for."""
    poll = select.poll()
    poll.register(connection, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def _end_when_left(connection: socket.socket, is_wanted: bool) -> None:
    """Have SIGIO, which ends a process, come when the other side has stopped to wait for the answer."""
    fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(connection, fcntl.F_GETFL)
    wanted = flags | os.O_ASYNC if is_wanted else flags & ~os.O_ASYNC
    fcntl.fcntl(connection, fcntl.F_SETFL, wanted)
