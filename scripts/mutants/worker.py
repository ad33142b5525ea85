"""Runs tests of the rewritten copy: parts start once, modules are read once, and each guard is away in a child of its own.

`python -m scripts.mutants.worker IN OUT` takes away each guard that `IN` names, runs the tests that are named for it, or
all that ask it, and writes a line to `OUT` for each guard; `… worker OUT` lists what PostgreSQL guards.
"""

import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutant_switch  # pyright: ignore[reportMissingImports] - only the copy has it
import psycopg
import pytest
from _pytest.main import pytest_runtestloop as run_tests
from redis import Redis

from scripts.mutants.policies import list_policies
from tests import conftest
from tests.stack import APP_ROLE, OWNER_ROLE, TEMPLATE, Stack, postgres_url, start_stack

# For the tests of one guard, and for all tests with every guard in place.
_SECONDS = 240
_ALL_SECONDS = 1500
_OPTIONS = ("-q", "-p", "no:cacheprovider", "--no-header", "--assert=plain")


def main() -> int:
    """Do what the arguments say; the exit code is that of the tests' collection."""
    *given, out = map(Path, sys.argv[1:])
    if not given:
        with start_stack("postgres") as stack:
            url = postgres_url(stack.postgres_port or 0, TEMPLATE)
            out.write_text(json.dumps(list(list_policies(url))))
        return 0
    wanted = json.loads(given[0].read_text())
    os.environ["ATELIER_TEST_STACK"] = wanted["stack"]
    with start_stack(wanted["stack"]) as stack:
        # Every session of pytest uses these parts.
        conftest.start_stack = lambda _kind: nullcontext(stack)
        taker = Taker(wanted["tries"], out, stack)
        return pytest.main([*_OPTIONS, *wanted["files"]], plugins=[taker])


@dataclass(frozen=True)
class Seen:
    """A test with every guard in place: how it ended, how long it took, and what it asked."""

    is_fine: bool
    seconds: float
    asked: frozenset[int]


class Taker:
    """Instead of running the tests that pytest has collected, runs for each guard those that should miss it."""

    def __init__(
        self, tries: Sequence[dict[str, Any]], out: Path, stack: Stack
    ) -> None:
        self._tries, self._out, self._stack = tries, out, stack
        self._note = stack.folder / "started"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take one guard away after the other."""
        if session.testsfailed:
            message = "the tests cannot be collected"
            raise session.Interrupted(message)
        items = {item.nodeid: item for item in session.items}
        for one in self._tries:
            one["tests"] = _present(one["tests"], items)
        named = {
            test
            for one in self._tries
            for test in (items if one["tests"] is None else one["tests"])
        }
        gc.freeze()
        seen = self._look(
            session, [item for test, item in items.items() if test in named]
        )
        for one in self._tries:
            tests = _tests_of(one, seen)
            outcome = self._take(session, one["away"], [items[test] for test in tests])
            with self._out.open("a") as out:
                out.write(json.dumps({"name": one["name"], **outcome}) + "\n")
        return True

    @pytest.hookimpl
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note which test has begun: the last one is the one that fails."""
        self._note.write_text(nodeid)

    def _look(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> dict[str, Seen]:
        path = self._stack.folder / "seen"
        path.write_text("{}")

        def work() -> int:
            looker = Looker()
            session.config.pluginmanager.register(looker)
            _run(session, items)
            path.write_text(json.dumps(looker.seen))
            return 0

        _in_child(work, seconds=_ALL_SECONDS)
        return {
            test: Seen(is_fine, seconds, frozenset(asked))
            for test, (is_fine, seconds, asked) in json.loads(path.read_text()).items()
        }

    def _take(
        self, session: pytest.Session, away: str, items: list[pytest.Item]
    ) -> dict[str, str]:
        if not items:
            return {"outcome": "no test asks it"}

        def work() -> int:
            _take_away(away)
            Redis(port=self._stack.redis_port).flushall()
            session.config.option.maxfail = 1
            return int(_run(session, items))

        code = _in_child(work, seconds=_SECONDS)
        if code == 1:
            return {"outcome": "missed", "test": self._note.read_text()}
        why = "pass without it" if code == 0 else f"end with {code}"
        return {"outcome": f"{len(items)} tests ask it, and {why}"}


class Looker:
    """Notes how each test ends, and which guards it asks."""

    def __init__(self) -> None:
        self.seen: dict[str, tuple[bool, float, list[int]]] = {}
        self._failed: set[str] = set()

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what has failed."""
        if report.failed:
            self._failed.add(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, bool, bool]:
        """Look at the guards around a test."""
        mutant_switch.reached.clear()
        began = time.monotonic()
        done = yield
        seconds = time.monotonic() - began
        asked = sorted(mutant_switch.reached)
        self.seen[item.nodeid] = item.nodeid not in self._failed, seconds, asked
        return done


def _present(tests: Sequence[str] | None, items: Iterable[str]) -> list[str] | None:
    """Return these tests, with whatever parameters there are when theirs are gone."""
    if tests is None:
        return None
    gone = {test.partition("[")[0] for test in set(tests).difference(items)}
    return [test for test in items if test in tests or test.partition("[")[0] in gone]


def _tests_of(one: dict[str, Any], seen: dict[str, Seen]) -> list[str]:
    """Return the tests that may miss a guard, quick ones first; one that fails anyhow proves nothing."""
    fine = {test: told for test, told in seen.items() if told.is_fine}
    if one["tests"] is not None:
        return [test for test in one["tests"] if test in fine]
    away = one["away"]
    asking = [
        test
        for test, told in fine.items()
        if not away.isdigit() or int(away) in told.asked
    ]
    return sorted(asking, key=lambda test: fine[test].seconds)


def _take_away(away: str) -> None:
    if away.isdigit():
        mutant_switch.take_away(int(away))
        return
    make = Stack.make_database

    def make_without(self: Stack, data_dir: Path) -> str:
        url = make(self, data_dir)
        owner = url.replace(f"//{APP_ROLE}@", f"//{OWNER_ROLE}@")
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute(away.encode())
        return url

    Stack.make_database = make_without


def _run(session: pytest.Session, items: list[pytest.Item]) -> bool:
    """Run these tests, and tell whether one failed."""
    session.items[:] = items
    try:
        run_tests(session)
    except session.Failed:
        return True
    return bool(session.testsfailed)


def _in_child(work: Callable[[], int], *, seconds: int) -> int:
    """Return the exit code of `work` in a child, or the signal that ended it, below zero."""
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        code = 2
        try:
            with (
                Path(os.devnull).open("w") as nowhere,
                redirect_stdout(nowhere),
                redirect_stderr(nowhere),
            ):
                code = work()
        finally:
            os._exit(code)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -signal.SIGKILL


if __name__ == "__main__":
    sys.exit(main())
