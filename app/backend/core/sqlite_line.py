"""Lets the writers of a SQLite database wait in line.

SQLite itself looks again and again whether it may write, at last ten times a second: whoever looks at the right moment
passes over those who wait longer, and often nobody writes while many wait. Here the system wakes the next one. The line
is a lock of a file beside the database, which ends with the process that has it; it keeps the order only. What protects
the rows is SQLite's own lock, and who does not stand in line waits for that one.
"""

import fcntl
import sqlite3
from pathlib import Path
from threading import Lock, Thread
from typing import IO, Any

from typing_extensions import override

# How a writer begins, which waits while another one is at work.
BEGIN = "BEGIN IMMEDIATE"
# Then whoever is at work stands still, and SQLite says so.
LINE_SECONDS_MAX = 10.0
_IN_MEMORY = ":memory:"


class InLine(sqlite3.Connection):
    """A connection that stands in line with each `BEGIN IMMEDIATE`, until its transaction ends."""

    def __init__(self, database: str, *args: Any, **given: Any) -> None:
        """Open the database at the path; the file of the line is made when it is first needed."""
        super().__init__(database, *args, **given)
        self._path = None if database == _IN_MEMORY else Path(f"{database}-line")
        self._line: IO[bytes] | None = None

    @override
    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or _Cursor)

    def wait(self) -> None:
        """Return when nobody in the line is at work, or there is no line; after `LINE_SECONDS_MAX` in any case."""
        if self._path is None:
            return
        try:
            line = self._line = self._line or self._path.open("ab")
            try:
                fcntl.flock(line, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._line = _wait_in(line)
        except OSError:
            # A disk that is full or takes no locks: what is wrong SQLite says itself.
            return

    def leave(self) -> None:
        """Let the next one write, if the transaction has ended."""
        if self._line is not None and not self.in_transaction:
            fcntl.flock(self._line, fcntl.LOCK_UN)

    @override
    def commit(self) -> None:
        super().commit()  # lint-skip: service-commit - what `transaction()` calls
        self.leave()

    @override
    def rollback(self) -> None:
        super().rollback()
        self.leave()

    @override
    def close(self) -> None:
        line, self._line = self._line, None
        try:
            super().close()
        finally:
            if line is not None:
                line.close()


def _wait_in(line: IO[bytes]) -> IO[bytes] | None:
    """Return the line when its lock is ours, None when that took too long."""
    is_decided = Lock()

    def wait() -> None:
        fcntl.flock(line, fcntl.LOCK_EX)
        if not is_decided.acquire(blocking=False):
            line.close()

    # The system's own wait has no end, so that another thread does it.
    waiting = Thread(target=wait, name="line", daemon=True)
    waiting.start()
    waiting.join(LINE_SECONDS_MAX)
    is_given_up = waiting.is_alive() and is_decided.acquire(blocking=False)
    return None if is_given_up else line


class _Cursor(sqlite3.Cursor):
    connection: InLine

    @override
    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if sql != BEGIN:
            return super().execute(sql, *parameters)
        self.connection.wait()
        try:
            return super().execute(sql)
        finally:
            self.connection.leave()
