"""Our own processes in tests: forked from one parent that has imported the heavy libraries once.

What runs in the child is the `main` of a module with the variables of an installation, as in what `atelier up` forks.
Run as a module, this file is that parent.
"""

import contextlib
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from itertools import count
from pathlib import Path
from threading import Thread
from types import TracebackType

import httpx
import psutil

from app.backend.core import settings as settings_module
from app.backend.core.settings import Settings
from app.backend.models import files
from tests.names import refuse_nobody
from tests.parts import ask, end_process, wait_until
from tests.stack import Stack, environment_of
from tests.statements import compile_once

WORKER = "app.workers.worker"
PRELOADED = (
    "chromadb",
    "langgraph.graph",
    "langchain_openai",
    WORKER,
    "app.workers.scheduler",
    "app.workers.runtime",
    "tests.attempt",
    "tests.serving",
)
RUNTIME_SECONDS = 40


class Fork:
    """One of our processes."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid = pid
        self.log = log

    def kill(self) -> None:
        """Kill the process and its children at once, as a power cut would."""
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(self.pid)
            # Who is frozen cannot answer to the death of another, however long this one waits for its turn.
            root.suspend()
            family = [root, *root.children(recursive=True)]
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.suspend()
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(family, timeout=5)

    def stop(self, *, seconds: float = 5) -> None:
        """Ask the process to end, wait for it, and kill it after `seconds`."""
        end_process(self.pid, seconds=seconds)

    def ask_to_end(self) -> None:
        """Ask the process to end; neither waits nor kills."""
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(self.pid).terminate()

    def is_running(self) -> bool:
        """Tell whether the process lives."""
        return psutil.pid_exists(self.pid)

    def read_log(self) -> str:
        """Return what the process has written so far."""
        return self.log.read_text(errors="replace")


class ForkServer:
    """Starts our processes in milliseconds instead of seconds."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._folder = stack.folder
        self._numbers = count(1)
        self._cleanup = contextlib.ExitStack()
        self._leaving: list[Thread] = []
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "ForkServer":
        # Workers rehearse before they are forked, in an installation that no test looks at.
        own = self._cleanup.enter_context(
            self._stack.make_installation(self._folder / "rehearsal")
        )
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.processes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
            env={**os.environ, **environment_of(own)},
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for leaving in self._leaving:
            leaving.join()
        with self._cleanup:
            if self._process is not None:
                with self._process:
                    end_process(self._process.pid)

    def start(self, module: str, settings: Settings, *arguments: str) -> Fork:
        """Run the `main` of `module` for the installation of `settings`; does not wait for it to be ready."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        log = self._folder / f"{module}-{next(self._numbers)}.log"
        order = {
            "module": module,
            "arguments": arguments,
            "environment": environment_of(settings),
            "cwd": str(settings.data_dir),
            "log": str(log),
        }
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            message = "The fork server ended; its error is above."
            raise RuntimeError(message)
        return Fork(int(answer), log)

    def let_go(self, fork: Fork) -> None:
        """Stop a process while the next test begins: who waits for a job looks once a second whether it has to end."""
        leaving = Thread(target=fork.stop, name="leaving")
        leaving.start()
        self._leaving.append(leaving)

    def start_runtime(self, settings: Settings) -> Fork:
        """Start a runtime at `settings.runtime_url` and return when it answers."""
        files.ensure_default_models(settings.models_dir, print)
        address = httpx.URL(settings.runtime_address)
        placed = settings.model_copy(
            update={"runtime_host": address.host, "runtime_port": address.port}
        )
        fork = self.start("app.workers.runtime", placed)

        def answers() -> bool:
            return ask(f"{address}/health").is_success or not fork.is_running()

        try:
            wait_until(answers, seconds=RUNTIME_SECONDS, what="The runtime answers")
            assert fork.is_running(), "The runtime ended."
        except BaseException as error:
            error.add_note(fork.read_log()[-4000:])
            fork.stop()
            raise
        return fork


def _serve() -> None:
    # Answers go to the real standard output; what a library prints must not mix with them.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for module in PRELOADED:
        importlib.import_module(module)
    compile_once()
    refuse_nobody()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        order = json.loads(line)
        if order["module"] == WORKER:
            _get_ready_for_workers()
        pid = os.fork()
        if pid == 0:
            answers.close()
            _become(order)
        answers.write(f"{pid}\n")
        answers.flush()


def _get_ready_for_workers() -> None:
    # One rehearsal for all of them, as `atelier up` does it. A worker for which it failed does it by itself.
    with contextlib.suppress(Exception):
        importlib.import_module(WORKER).get_ready()
        gc.collect()
        # The collector would write to every object, and so copy all shared pages.
        gc.freeze()


def _become(order: dict[str, object]) -> None:
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(str(order["log"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    environment = order["environment"]
    arguments = order["arguments"]
    assert isinstance(environment, dict)
    assert isinstance(arguments, list)
    os.environ.update(environment)
    os.chdir(str(order["cwd"]))
    settings_module.load.cache_clear()
    module = str(order["module"])
    sys.argv = [module, *arguments]
    code = 1
    try:
        importlib.import_module(module).main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - the parent's loop must never go on in the child
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
