"""Lets the writers of a SQLite database wait in line.

SQLite itself looks again and again whether it may write, at last ten times a second: whoever looks at the right moment
passes over those who wait longer, and often nobody writes while many wait. Here the system wakes the next one. The line
is a lock of a file beside the database, which ends with the process that has it; it keeps the order only. What protects
the rows is SQLite's own lock, and who does not stand in line waits for that one.
"""

import fcntl
import sqlite3
from pathlib import Path
from typing import IO, Any

from typing_extensions import override

# How a writer begins, which waits while another one is at work.
BEGIN = "BEGIN IMMEDIATE"
_IN_MEMORY = ":memory:"


class InLine(sqlite3.Connection):
    """A connection that stands in line with each `BEGIN IMMEDIATE`, until its transaction ends."""

    def __init__(self, database: str, *args: Any, **given: Any) -> None:
        """Open the database at the path; the file of the line is made when it is first needed."""
        super().__init__(database, *args, **given)
        self._path = None if database == _IN_MEMORY else f"{database}-line"
        self._line: IO[bytes] | None = None

    @override
    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or _Cursor)

    def wait(self) -> None:
        """Return when nobody in the line is at work."""
        if self._path is None:
            return
        if self._line is None:
            try:
                # It is closed with the connection.
                self._line = Path(self._path).open("ab")  # noqa: SIM115
            except OSError:
                # What is wrong with the disk SQLite says itself.
                return
        fcntl.flock(self._line, fcntl.LOCK_EX)

    def leave(self) -> None:
        """Let the next one write."""
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
        super().close()
        if self._line is not None:
            self._line.close()
            self._line = None


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
