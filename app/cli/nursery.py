"""The process that our own parts are forked from, with the heavy imports done once for all of them.

Started one by one, each part would import the same libraries: seconds of both cores, and the same memory five times.
It reads names of modules from standard input, one JSON line each, and tells there which process runs them, and with
which exit code each has ended. When it forks it has no threads, no sockets and no event loop, so that this is safe.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import setproctitle
from sqlalchemy.orm import configure_mappers

from app.cli.processes import die_with_parent

WORKER = "app.workers.worker"
# What more than one part needs; each part's own modules come on top, in its own process.
SHARED = (
    "app.backend.bootstrap",
    "app.backend.tables",
    "app.backend.runs.service",
    "app.backend.tools.builtin.ask_person",
    "app.backend.tools.builtin.notes",
    "bm25s",
    "chromadb",
    "langgraph.checkpoint.sqlite.aio",
    "numpy",
    "valkey.asyncio",
)
# What only the parts that run agents need: the web process, which starts longest, is forked before.
FOR_AGENTS = (
    "langgraph.graph",
    "app.workers.jobs",
    WORKER,
    "app.backend.providers.adapters.runtime_chat",
)
WITHOUT_AGENTS = ("app.cli.web",)
_READ_BYTES = 65536


@dataclass(frozen=True)
class _Pipes:
    answers: int
    woken: int
    wake: int

    def tell(self, **answer: Any) -> None:
        os.write(self.answers, f"{json.dumps(answer)}\n".encode())


def main() -> None:
    """Fork what is asked for until standard input ends."""
    pipes = _take_pipes()
    orders = _Orders()
    _import(SHARED)
    configure_mappers()
    _freeze()
    for module in FOR_AGENTS:
        for order in orders.take(WITHOUT_AGENTS):
            _fork(pipes, **order)
        _import([module])
    while not orders.is_ended:
        for order in orders.take():
            _fork(pipes, **order)
        readable, _, _ = select.select([0, pipes.woken], [], [])
        if pipes.woken in readable:
            os.read(pipes.woken, _READ_BYTES)
            _tell_ends(pipes)


class _Orders:
    """What standard input asks for."""

    def __init__(self) -> None:
        self.is_ended = False
        self._rest = b""
        self._waiting: list[dict[str, Any]] = []

    def take(self, modules: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return the orders that have come for `modules`, or all of them; those for others wait."""
        while not self.is_ended and select.select([0], [], [], 0)[0]:
            read = os.read(0, _READ_BYTES)
            self.is_ended = not read
            *lines, self._rest = (self._rest + read).split(b"\n")
            self._waiting += [json.loads(line) for line in lines]
        taken = [
            order
            for order in self._waiting
            if modules is None or order["module"] in modules
        ]
        self._waiting = [order for order in self._waiting if order not in taken]
        return taken


def _import(modules: Sequence[str]) -> None:
    for module in modules:
        importlib.import_module(module)
    _freeze()


def _freeze() -> None:
    gc.collect()
    # The collector would write to every object, and so copy all shared pages.
    gc.freeze()


def _take_pipes() -> _Pipes:
    # What a library prints goes to the log and must not mix with the answers.
    answers = os.dup(1)
    os.dup2(2, 1)
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    return _Pipes(answers, woken, wake)


def _tell_ends(pipes: _Pipes) -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = ended
            pipes.tell(ended=pid, code=os.waitstatus_to_exitcode(status))


def _fork(
    pipes: _Pipes, *, number: int, module: str, log: str, variables: dict[str, str]
) -> None:
    if module == WORKER:
        _get_ready_for_workers()
    pid = os.fork()
    if pid == 0:
        os.environ.update(variables)
        _become(pipes, module, log)
    pipes.tell(number=number, pid=pid)


def _get_ready_for_workers() -> None:
    # One rehearsal for all of them. A worker for which it failed does it by itself, and says what is wrong.
    with contextlib.suppress(Exception):
        importlib.import_module(WORKER).get_ready()
        _freeze()


def _become(pipes: _Pipes, module: str, log: str) -> NoReturn:
    code = 1
    try:
        os.setsid()
        die_with_parent()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for descriptor in (pipes.answers, pipes.woken, pipes.wake):
            os.close(descriptor)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        setproctitle.setproctitle(f"atelier {module}")
        sys.argv = [module]
        importlib.import_module(module).main()
        code = 0
    except SystemExit as end:
        code = _code_of(end)
    except BaseException:  # noqa: BLE001 - nothing may go on in the loop of the parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _code_of(end: SystemExit) -> int:
    if isinstance(end.code, str):
        sys.stderr.write(f"{end.code}\n")
        return 1
    return end.code or 0


if __name__ == "__main__":
    main()
