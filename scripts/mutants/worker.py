"""Runs tests of the rewritten copy: the parts start once, and each guard is away in a child of its own.

`python -m scripts.mutants.worker reach OUT TEST…` writes which tests ask which guards; `… try IN OUT` takes each guard
of a list away, runs the tests that ask it, and writes how they ended.
"""

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import mutant_switch  # pyright: ignore[reportMissingImports] - only the copy has it
import pytest

from tests import conftest
from tests.stack import Stack, start_stack

SECONDS = 90


class Recorder:
    """Notes which guards each test asks."""

    def __init__(self) -> None:
        self.reached: dict[str, list[int]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, bool, bool]:
        """Look at the guards around a test."""
        mutant_switch.reached.clear()
        done = yield
        self.reached[item.nodeid] = sorted(mutant_switch.reached)
        return done


def main() -> None:
    """Do what the arguments say."""
    what, *rest = sys.argv[1:]
    with start_stack("sqlite") as stack:
        _share(stack)
        if what == "reach":
            out, *tests = rest
            _import(tests)
            code = _in_child(lambda: _record(tests, Path(out)), seconds=600)
            sys.exit(code)
        given: dict[str, list[str]] = json.loads(Path(rest[0]).read_text())
        _import([test for tests in given.values() for test in tests])
        Path(rest[1]).write_text(json.dumps(dict(_try_all(given))))


def _share(stack: Stack) -> None:
    """Let every session of pytest use these parts."""

    @contextmanager
    def running(_kind: str) -> Generator[Stack]:
        yield stack

    conftest.start_stack = running


def _import(tests: Sequence[str]) -> None:
    """Import test modules once, for all children."""
    for path in {test.partition("::")[0] for test in tests}:
        importlib.import_module(path.removesuffix(".py").replace("/", "."))


def _record(tests: Sequence[str], out: Path) -> int:
    recorder = Recorder()
    code = pytest.main([*_OPTIONS, *tests], plugins=[recorder])
    out.write_text(json.dumps(recorder.reached))
    return code


def _try_all(given: Mapping[str, list[str]]) -> Iterator[tuple[str, int]]:
    for number, tests in given.items():

        def run(number: str = number, tests: list[str] = tests) -> int:
            mutant_switch.take_away(int(number))
            # The quick ones first: most guards are missed by the first test that asks them.
            return pytest.main([*_OPTIONS, "-x", *tests])

        yield number, _in_child(run, seconds=SECONDS)


def _in_child(work: Callable[[], int], *, seconds: int) -> int:
    """Return the exit code of `work` in a child; a test that hangs has failed."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        with Path(os.devnull).open("w") as nowhere:
            log = sys.stderr if seconds > SECONDS else nowhere
            with redirect_stdout(log), redirect_stderr(log):
                code = work()
        os._exit(code)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return 1


_OPTIONS = ("-q", "-p", "no:cacheprovider", "--no-header", "--assert=plain")

if __name__ == "__main__":
    main()
