import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from app.backend.core.logging import configure
from tests.stack import settings_of


@pytest.fixture
def _configured() -> Iterator[None]:
    """A process whose logging is set up, and is as it was afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    # The handlers of the test runner must not be closed, which `force` would do.
    root.handlers = []
    configure(settings_of(Path("data")), "worker")
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.usefixtures("_configured")
@pytest.mark.parametrize("name", ["httpx", "httpx2", "httpcore2.connection", "bm25s"])
def test_requests_of_libraries_are_not_logged(name: str) -> None:
    assert logging.getLogger("app").isEnabledFor(logging.INFO)
    assert not logging.getLogger(name).isEnabledFor(logging.INFO)


@pytest.mark.usefixtures("_configured")
@pytest.mark.parametrize(
    ("name", "is_logged"),
    [
        ("AsyncAdapt_aiosqlite_connection._terminate_graceful_close", False),
        ("our_own", True),
    ],
)
def test_task_that_sqlalchemy_drops_is_not_logged(name: str, is_logged: bool) -> None:
    (handler,) = [
        each
        for each in logging.getLogger().handlers
        if type(each) is logging.StreamHandler
    ]
    lost = f"Task was destroyed but it is pending!\ntask: <Task coro=<{name}()>>"
    record = logging.makeLogRecord({"msg": lost, "levelno": logging.ERROR})

    assert bool(handler.filter(record)) == is_logged
