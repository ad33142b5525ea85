"""Fixtures of all tests: the real stack, a fresh installation per test, and its actors.

`ATELIER_TEST_STACK=sqlite` (default) uses SQLite and Valkey, `postgres` uses PostgreSQL and Redis.
Unit tests get no network at all, see `tests/unit/conftest.py`.
"""

import os
import signal
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
import structlog
from structlog.dev import ConsoleRenderer, plain_traceback

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor, Role
from app.backend.core.db import Database
from app.backend.core.settings import Settings
from tests.factories.rows import (
    MakeAgent,
    MakeCollection,
    MakeRun,
    MakeThread,
    MakeUser,
    RowFactory,
)
from tests.names import refuse_nobody
from tests.processes import Fork, ForkServer
from tests.stack import Stack, act_for_the_installation, start_stack
from tests.statements import compile_once

SECONDS = {
    "unit": 5,
    "architecture": 60,
    "integration": 60,
    "chaos": 180,
    "e2e": 180,
}
FIXTURES_SECONDS = 240  # they start processes, and may build the front end
MARKED = {"integration", "chaos", "e2e"}
STACKS = ("sqlite", "postgres")

# Here, so that every event loop of the session begins with it.
act_for_the_installation()
compile_once()
# The log's own way to show an exception, with all local values, takes longer than most tests.
structlog.get_config()["processors"][-1] = ConsoleRenderer(
    colors=False, exception_formatter=plain_traceback
)
refuse_nobody()


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Give each test the time limit and the mark of its folder; leave out what another stack tells already."""
    here = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(here).parts[0]
        if item.get_closest_marker("timeout") is None:
            # Fixtures have a limit of their own, since those of the session end within some test.
            limit = pytest.mark.timeout(SECONDS[folder], func_only=True)
            item.add_marker(limit)
        if folder in MARKED:
            item.add_marker(folder)
    if _stack_kind() != STACKS[0]:
        _leave_out_what_has_no_stack(config, items)


def _leave_out_what_has_no_stack(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    # What uses neither database nor Redis is the same with each of them, and runs with the first.
    alike = [
        item
        for item in items
        if item.get_closest_marker("integration")
        and "stack" not in getattr(item, "fixturenames", ())
    ]
    config.hook.pytest_deselected(items=alike)
    items[:] = [item for item in items if item not in set(alike)]


def _stack_kind() -> str:
    return os.environ.get("ATELIER_TEST_STACK", STACKS[0])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, object, object]:
    """Fail a test whose fixtures wait for ever, instead of the whole run."""
    with _fixtures_in_time():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    """The same for the ends of fixtures."""
    with _fixtures_in_time():
        return (yield)


@contextmanager
def _fixtures_in_time() -> Generator[None, None, None]:
    def give_up(_number: int, _frame: FrameType | None) -> None:
        pytest.fail(f"The fixtures took more than {FIXTURES_SECONDS} s.")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(FIXTURES_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The running parts of this session."""
    kind = _stack_kind()
    if kind not in STACKS:
        pytest.fail(f"ATELIER_TEST_STACK is {kind!r}; use one of {', '.join(STACKS)}.")
    with start_stack(kind) as running:
        yield running


@pytest.fixture(scope="session")
def fork_server(stack: Stack) -> Iterator[ForkServer]:
    """The parent that our own processes are forked from, with the heavy imports done once."""
    with ForkServer(stack) as server:
        yield server


@pytest.fixture(scope="session")
def runtime(stack: Stack, fork_server: ForkServer) -> Iterator[Fork]:
    """The runtime process of this session; it has an installation of its own and everyone's token."""
    with stack.make_installation(stack.folder / "runtime") as settings:
        started = fork_server.start_runtime(settings)
        yield started
        started.stop()


@pytest.fixture
def settings(stack: Stack, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a fresh, migrated installation."""
    with stack.make_installation(tmp_path / "data") as made:
        yield made


@pytest.fixture
async def services(settings: Settings) -> AsyncGenerator[Services, None]:
    """The parts as the web process has them."""
    async with bootstrap.build(settings) as built:
        yield built


@pytest.fixture
async def owner_db(settings: Settings) -> AsyncGenerator[Database, None]:
    """The rows as the role has them that owns the tables; SQLite has no other."""
    db = Database(settings.migration_sql_url)
    yield db
    await db.close()


@pytest.fixture
def redis_url(settings: Settings) -> str:
    """A Redis database of this test alone."""
    return settings.redis_url


@pytest.fixture
def chroma_url(stack: Stack) -> str:
    """The Chroma server of the session."""
    return stack.chroma_url


@pytest.fixture
def runtime_url(stack: Stack, runtime: Fork) -> str:
    """The running runtime of the session; `settings.runtime_url` names it too."""
    return stack.runtime_url


@pytest.fixture
def worker(settings: Settings, fork_server: ForkServer) -> Iterator[Fork]:
    """A worker process that takes the jobs of this test."""
    started = fork_server.start("app.workers.worker", settings)
    yield started
    fork_server.let_go(started)


@pytest.fixture
def scheduler(settings: Settings, fork_server: ForkServer) -> Iterator[Fork]:
    """A scheduler process that sweeps for this test."""
    started = fork_server.start("app.workers.scheduler", settings)
    yield started
    started.stop()


@pytest.fixture
def rows(services: Services) -> RowFactory:
    """Adds rows to the database of this test."""
    return RowFactory(services.db)


@pytest.fixture
def make_user(rows: RowFactory) -> MakeUser:
    """`await make_user(role="viewer")` returns an actor."""
    return rows.user


@pytest.fixture
def make_agent(rows: RowFactory) -> MakeAgent:
    """`await make_agent(actor, model="scripted/hello")` returns an agent's row."""
    return rows.agent


@pytest.fixture
def make_collection(rows: RowFactory) -> MakeCollection:
    """`await make_collection(actor)` returns a collection's row."""
    return rows.collection


@pytest.fixture
def make_thread(rows: RowFactory) -> MakeThread:
    """`await make_thread(actor)` returns a thread's row."""
    return rows.thread


@pytest.fixture
def make_run(rows: RowFactory) -> MakeRun:
    """`await make_run(actor, agent=agent)` returns a run's row."""
    return rows.run


@pytest.fixture
async def actor(make_user: MakeUser) -> Actor:
    """The owner of the installation."""
    return await make_user(email="owner@example.org", role=Role.ADMIN)


@pytest.fixture
async def other_actor(actor: Actor, make_user: MakeUser) -> Actor:
    """Somebody else, who must not see what is the owner's."""
    return await make_user(email="other@example.org")
