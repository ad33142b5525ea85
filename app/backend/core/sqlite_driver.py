"""Takes a statement to the thread of its SQLite connection once, not four times, or not at all.

SQLAlchemy's adapter of aiosqlite opens a cursor there, executes, fetches and closes in turns of their own, and each turn
waits for the event loop, for Python's lock, and on a busy machine for a core. Most statements take SQLite itself a tenth
of that. So whoever has the event loop to itself, as a horse with its jobs, asks SQLite from there; only what may wait
for other writers goes to the thread.
"""

import sqlite3
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

import aiosqlite
import sqlalchemy.dialects.sqlite.aiosqlite as stock
from typing_extensions import override

from app.backend.core.sqlite_line import BEGIN

R = TypeVar("R")


class _Cursor(stock.AsyncAdapt_aiosqlite_cursor):
    __slots__ = ()

    _adapt_connection: Any
    _cursor: Any

    @override
    def _make_new_cursor(self, connection: Any) -> Any:
        # Only an object is made; nothing is asked.
        return connection._conn.cursor()  # noqa: SLF001

    @override
    def _aenter_cursor(self, cursor: Any) -> Any:
        return cursor

    @override
    async def _execute_async(self, operation: Any, parameters: Any) -> None:
        def work() -> list[Any]:
            self._cursor.execute(operation, parameters or ())
            return self._cursor.fetchall()

        may_wait = operation == BEGIN
        self._rows = deque(await self._adapt_connection.run(work, may_wait=may_wait))

    @override
    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> None:
        await self._adapt_connection.run(
            lambda: self._cursor.executemany(operation, seq_of_parameters)
        )

    @override
    async def _async_soft_close(self) -> None:
        """Do nothing: a cursor whose rows were all fetched holds nothing."""

    @override
    def close(self) -> None:
        self._rows.clear()


class _Connection(stock.AsyncAdapt_aiosqlite_connection):
    __slots__ = ()

    _cursor_cls = _Cursor
    dbapi: Any

    async def run(self, work: Callable[[], R], *, may_wait: bool = True) -> R:
        """Do `work` in the connection's thread, or here. SQLAlchemy closes the connection of whoever is cancelled meanwhile."""
        opened: Any = self._connection
        async with self._execute_mutex:
            if may_wait or not self.dbapi.has_own_loop:
                return await opened._execute(work)  # noqa: SLF001
            return work()

    @override
    def rollback(self) -> None:
        opened: Any = self._connection
        if not opened._connection:  # noqa: SLF001
            return
        if opened._conn.in_transaction:  # noqa: SLF001
            super().rollback()
        else:
            # Who only read has begun nothing; what SQLite itself rolled back, as on a full disk, is still in line.
            opened._conn.leave()  # noqa: SLF001


class OneTurnDriver(stock.AsyncAdapt_aiosqlite_dbapi):
    """The driver of SQLite for `create_async_engine`, as its `module`.

    `has_own_loop` says that nobody else waits for the event loop while a statement is at work.
    """

    def __init__(self, *, has_own_loop: bool = False) -> None:
        super().__init__(aiosqlite, sqlite3)
        self.has_own_loop = has_own_loop

    @override
    def connect(self, *arg: Any, **kw: Any) -> stock.AsyncAdapt_aiosqlite_connection:
        """Open a connection."""
        opened: Any = super().connect(*arg, **kw)
        return _Connection(self, opened.driver_connection)
