"""In whose name rows are asked for and changed: what the policies of PostgreSQL go by.

What a task sets here holds for all that it awaits and starts. Who sets nothing is nobody, and sees nothing.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID


class Work(StrEnum):
    """What the platform does in nobody's name, and how far it sees for that."""

    GATE = "gate"  # finds out who asks: the tables of logins, keys and the audit
    SYSTEM = "system"  # keeps the installation going: every row


class Acting(NamedTuple):
    """A user, or a work of the platform, or neither.

    Who `is_reading` opens no transaction that writes, in whatever name it goes on.
    """

    user_id: UUID | None = None
    work: Work | None = None
    is_reading: bool = False


NOBODY = Acting()

_current: ContextVar[Acting] = ContextVar("_current", default=NOBODY)


def current() -> Acting:
    """Return in whose name this task acts."""
    return _current.get()


def begin(acting: Acting) -> None:
    """Let what follows in this task be done in the name of `acting`."""
    _current.set(acting)


@contextmanager
def as_user(user_id: UUID, *, is_reading: bool = False) -> Generator[None, None, None]:
    """Act for a user: their rows, and those that are shared with them."""
    with _acting(Acting(user_id=user_id, is_reading=is_reading)):
        yield


@contextmanager
def as_gate() -> Generator[None, None, None]:
    """Act before it is known who asks, or for administrators who manage accounts: see `Work.GATE`."""
    with _acting(Acting(work=Work.GATE)):
        yield


@contextmanager
def as_system() -> Generator[None, None, None]:
    """Act for the installation, whoever owns the rows: see `Work.SYSTEM`.

    Flush in the block what is added to a session in it: what is sent later is sent in another name.
    """
    with _acting(Acting(work=Work.SYSTEM)):
        yield


@contextmanager
def as_nobody() -> Generator[None, None, None]:
    """Forget who acts, where somebody unknown comes in."""
    with _acting(NOBODY):
        yield


@contextmanager
def no_longer_reading() -> Generator[None, None, None]:
    """Act as one that writes, for what ends the reading itself."""
    before = _current.get()
    _current.set(before._replace(is_reading=False))
    try:
        yield
    finally:
        _current.set(before)


@contextmanager
def _acting(acting: Acting) -> Generator[None, None, None]:
    before = _current.get()
    is_reading = acting.is_reading or before.is_reading
    _current.set(acting._replace(is_reading=is_reading))
    try:
        yield
    finally:
        _current.set(before)
