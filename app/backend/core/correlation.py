"""The id that ties a request to the runs that it starts, and to every line that is logged on the way."""

from collections.abc import Generator
from contextlib import contextmanager
from uuid import UUID

from structlog import contextvars

_NAME = "correlation_id"


@contextmanager
def bound(correlation_id: UUID, **more: str) -> Generator[None, None, None]:
    """Let what is logged and started in the block carry the id, and lines of the log `more` as well."""
    with contextvars.bound_contextvars(**{_NAME: str(correlation_id)}, **more):
        yield


def begin(correlation_id: UUID) -> None:
    """Let what follows in this task carry the id."""
    contextvars.bind_contextvars(**{_NAME: str(correlation_id)})


def current() -> UUID | None:
    """Return the id of what is done here, if it has one."""
    found = contextvars.get_contextvars().get(_NAME)
    return UUID(found) if found else None


def parse(text: str | None) -> UUID | None:
    """Return the id that a client sent; only a UUID is one."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
