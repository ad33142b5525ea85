"""The database: one engine per process or job, transactions at the edges only."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, TypeVar

from pydantic_core import to_json
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession as Session

from app.backend.core import acting, row_security
from app.backend.core.errors import ReadsOnly
from app.backend.core.group_writer import GroupWriter
from app.backend.core.sqlite_driver import OneTurnDriver
from app.backend.core.sqlite_line import BEGIN, InLine
from app.backend.core.texts import storable_value

__all__ = ["AWAY", "Database", "Session", "after_commit", "savepoint"]

R = TypeVar("R")

# What a database that is away, restarts, fails over, ended a frozen transaction, or has no connection left for us
# makes of a statement.
AWAY = (OperationalError, InterfaceError, InternalError, PoolTimeout)

AFTER_COMMIT = "after_commit"
_IMMEDIATE = "immediate"
# A server that vanished without a word is given up within seconds, not hours.
_NOT_FOR_EVER = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
# A process that froze in the middle of a transaction holds rows that others need.
_IDLE_SECONDS = 10
# PostgreSQL takes a further process for a fifth of a millisecond; it takes 5 and more, whole pages of runs take less.
_PARALLEL_SETUP_COST = 50_000


class Database:
    """Opens transactions; services get the session, they never commit it."""

    def __init__(self, url: str, *, shared: bool = False) -> None:
        """Make an engine, or take the one that this process shares: for one event loop at a time, until `close`.

        Who shares it does nothing in its event loop but its jobs, mostly one at a time.
        """
        self.engine = _share_engine(url) if shared else _make_engine(url)
        self._plain = _share_plain_engine(url) if shared else _make_plain_engine(url)
        self._writer = GroupWriter(self._plain)
        # Both share one pool. On SQLite a writer takes its lock at BEGIN, so that it never fails half-way.
        self._writes = async_sessionmaker(
            self.engine.execution_options(**{_IMMEDIATE: True}),
            class_=Session,
            expire_on_commit=False,
        )
        self._reads = async_sessionmaker(
            self.engine, class_=Session, expire_on_commit=False
        )

    @asynccontextmanager
    async def transaction(
        self, *, lock_seconds: float | None = None
    ) -> AsyncGenerator[Session, None]:
        """Open a transaction that commits at the end, or rolls back on any exception.

        What `after_commit` registered runs when the commit is done, and not at all on rollback. With `lock_seconds`
        PostgreSQL gives up on a row that somebody else holds longer than that.

        Raises:
            ReadsOnly: who acts only reads.
            OperationalError: the database is away, or the row was held for too long.
        """
        _refuse_readers()
        async with self._writes() as session:
            async with session.begin():
                if lock_seconds is not None and not self.is_sqlite:
                    await session.exec(text(_wait_at_most(lock_seconds)))  # pyright: ignore[reportCallIssue, reportArgumentType] - it takes text too
                yield session
            actions: list[Callable[[], Awaitable[None]]] = session.info.pop(
                AFTER_COMMIT, []
            )
        for action in actions:
            await action()

    async def write(
        self,
        work: Callable[[Connection], R],
        *,
        then: Callable[[Sequence[R]], None] | None = None,
    ) -> R:
        """Do `work` in a transaction of a plain connection, in a thread; who waits may be cancelled, the work goes on.

        For those who write often: statements of a session go to the connection's thread and back one by one, and on
        SQLite all other writers wait for that. What is asked for while the thread is at work goes into its next
        transaction together, and alone once more when that fails. `then` is called in the same thread after the commit,
        once for all works of the transaction that name it, with what they have returned.

        Raises:
            ReadsOnly: who acts only reads.
            OperationalError: the database is away.
        """
        _refuse_readers()
        return await self._writer.write(work, then)

    def write_now(
        self, work: Callable[[Connection], R], *, lock_seconds: float | None = None
    ) -> R:
        """Do what `write` does, for a thread that has no event loop; `lock_seconds` is as for `transaction`."""
        _refuse_readers()
        with self._plain.begin() as connection:
            if lock_seconds is not None and not self.is_sqlite:
                connection.exec_driver_sql(_wait_at_most(lock_seconds))
            return work(connection)

    def read_now(self, work: Callable[[Connection], R]) -> R:
        """Do what only reads, for a thread that has no event loop."""
        with self._plain.connect() as connection:
            return work(connection.execution_options(**{_IMMEDIATE: False}))

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[Session, None]:
        """Open a session for reading only; each statement sees what is committed by then."""
        async with self._reads() as session:
            yield session

    @property
    def is_sqlite(self) -> bool:
        """Whether the rows are in SQLite."""
        return self.engine.dialect.name == "sqlite"

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.to_thread(self._writer.close)
        await self.engine.dispose()
        self._plain.dispose()


@asynccontextmanager
async def savepoint(session: Session) -> AsyncGenerator[None, None]:
    """Open a savepoint: an exception undoes what was done in it, and what was to happen after the commit because of it."""
    actions = session.info.setdefault(AFTER_COMMIT, [])
    before = len(actions)
    try:
        async with session.begin_nested():
            yield
    except BaseException:
        del actions[before:]
        raise


def after_commit(session: Session, action: Callable[[], Awaitable[None]]) -> None:
    """Run `action` once the transaction of `session` is committed."""
    session.info.setdefault(AFTER_COMMIT, []).append(action)


def _wait_at_most(lock_seconds: float) -> str:
    return f"SET LOCAL lock_timeout = {int(lock_seconds * 1000)}"


def _refuse_readers() -> None:
    if acting.current().is_reading:
        raise ReadsOnly


@cache
def _share_engine(url: str) -> AsyncEngine:
    # A closed engine has no connection, but still the statements it has compiled: children that are forked have both.
    return _make_engine(url, has_own_loop=True)


@cache
def _share_plain_engine(url: str) -> Engine:
    return _make_plain_engine(url)


def _make_engine(url: str, *, has_own_loop: bool = False) -> AsyncEngine:
    options = _options(url)
    if url.startswith("sqlite"):
        options["module"] = OneTurnDriver(has_own_loop=has_own_loop)
    engine = create_async_engine(url, **options)
    _listen(engine.sync_engine)
    return engine


def _make_plain_engine(url: str) -> Engine:
    # All that it does is write.
    options = _options(url) | {"execution_options": {_IMMEDIATE: True}}
    engine = create_engine(url.replace("+aiosqlite", ""), **options)
    _listen(engine)
    return engine


def _options(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {"json_serializer": _to_json, "connect_args": {"factory": InLine}}
    return {
        "json_serializer": _to_json,
        "connect_args": _NOT_FOR_EVER,
        "pool_pre_ping": True,
        "pool_size": 10,
        "max_overflow": 20,
    }


def _listen(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
    else:
        row_security.listen(engine)
        event.listen(engine, "connect", _set_session)


def _to_json(value: object) -> str:
    # Letters as they are, so that a search in the stored text finds them on every database.
    text = to_json(value).decode()
    if r"\u0000" in text:
        # What a model says may hold anything; PostgreSQL refuses a NUL.
        return to_json(storable_value(value)).decode()
    return text


def _set_pragmas(connection: Any, _record: object) -> None:
    # The driver's own BEGIN is switched off; `_begin` says it for writers.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "busy_timeout=30000",
        "foreign_keys=ON",
        "synchronous=NORMAL",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _set_session(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # Together, so that they cost one round trip.
    cursor.execute(
        f"SET idle_in_transaction_session_timeout = {_IDLE_SECONDS * 1000};"
        f"SET parallel_setup_cost = {_PARALLEL_SETUP_COST}"
    )
    cursor.close()


def _begin(connection: Any) -> None:
    # A reader needs no BEGIN: each statement sees what is committed by then, as on PostgreSQL.
    if connection.get_execution_options().get(_IMMEDIATE):
        connection.exec_driver_sql(BEGIN)
