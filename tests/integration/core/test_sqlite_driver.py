"""A statement takes one turn in its connection's thread, and who is cancelled leaves no lock behind."""

import asyncio
import fcntl
import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from app.backend.core import sqlite_line
from app.backend.core.db import Database
from app.backend.core.sqlite_line import BEGIN, InLine
from tests.parts import wait_until


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.db"


@pytest.fixture
async def db(file: Path) -> AsyncGenerator[Database, None]:
    database = Database(f"sqlite+aiosqlite:///{file}")
    async with database.transaction() as session:
        await _run(session, "CREATE TABLE thing (n INTEGER PRIMARY KEY)")
        await _run(session, "INSERT INTO thing VALUES (1), (2), (3)")
    yield database
    await database.close()


async def _run(session: AsyncSession, statement: str) -> list[tuple[int]]:
    result = await (await session.connection()).execute(text(statement))
    return [tuple(row) for row in result] if result.returns_rows else []


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What connections have done in their threads."""
    taken: list[object] = []
    stock = aiosqlite.Connection._execute  # pyright: ignore[reportPrivateUsage]

    async def count(self: Any, fn: object, *args: Any, **given: Any) -> object:
        taken.append(fn)
        return await stock(self, fn, *args, **given)

    monkeypatch.setattr(aiosqlite.Connection, "_execute", count)
    return taken


async def test_question_takes_one_turn(db: Database, turns: list[object]) -> None:
    async with db.read() as session:
        assert await _run(session, "SELECT n FROM thing") == [(1,), (2,), (3,)]
    assert len(turns) == 1


async def test_transaction_takes_a_turn_for_each_statement(
    db: Database, turns: list[object]
) -> None:
    async with db.transaction() as session:
        await _run(session, "INSERT INTO thing VALUES (4)")
        assert await _run(session, "SELECT max(n) FROM thing") == [(4,)]
    begin, commit = 1, 1
    assert len(turns) == begin + 2 + commit


async def test_who_has_the_loop_to_itself_takes_turns_only_to_begin_and_to_commit(
    db: Database, file: Path, turns: list[object]
) -> None:
    own = Database(f"sqlite+aiosqlite:///{file}", shared=True)
    async with own.read() as session:
        await _run(session, "SELECT 1")
    turns.clear()
    async with own.transaction() as session:
        await _run(session, "INSERT INTO thing VALUES (4)")
        assert await _run(session, "SELECT max(n) FROM thing") == [(4,)]
    begin, commit = 1, 1
    assert len(turns) == begin + commit
    await own.close()


async def test_reader_sees_what_is_committed_by_then(db: Database, file: Path) -> None:
    async with db.read() as session:
        connection = await session.connection()
        first = (await connection.execute(text("SELECT n FROM thing"))).first()
        assert first == (1,)
        with sqlite3.connect(file) as other:
            other.execute("DELETE FROM thing")
        other.close()
        assert await _run(session, "SELECT n FROM thing") == []


@pytest.mark.parametrize("shared", [False, True])
async def test_failure_is_of_the_database_and_undoes_all(
    db: Database, file: Path, shared: bool
) -> None:
    asked = Database(f"sqlite+aiosqlite:///{file}", shared=shared)

    async def fail() -> None:
        async with asked.transaction() as session:
            await _run(session, "INSERT INTO thing VALUES (9)")
            await _run(session, "INSERT INTO thing VALUES (1)")

    with pytest.raises(IntegrityError, match="UNIQUE constraint failed"):
        await fail()
    await asked.close()
    async with db.read() as session:
        assert await _run(session, "SELECT count(*) FROM thing") == [(3,)]


async def test_who_is_cancelled_while_waiting_for_the_lock_does_not_keep_it(
    db: Database, file: Path, turns: list[object]
) -> None:
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    async def write() -> None:
        async with db.transaction() as session:
            await _run(session, "INSERT INTO thing VALUES (5)")

    task = asyncio.create_task(write())
    await asyncio.to_thread(
        wait_until, lambda: bool(turns), seconds=5, what="The lock is asked for"
    )
    task.cancel()
    holder.execute("COMMIT")
    with pytest.raises(asyncio.CancelledError):
        await task
    holder.execute("BEGIN IMMEDIATE")
    holder.execute("ROLLBACK")
    holder.close()
    async with db.transaction() as session:
        assert await _run(session, "SELECT count(*) FROM thing") == [(3,)]


def _is_line_free(file: Path) -> bool:
    with Path(f"{file}-line").open("ab") as line:
        try:
            fcntl.flock(line, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


@pytest.mark.parametrize("shared", [False, True])
async def test_who_writes_has_the_line_until_the_transaction_ends(
    db: Database, file: Path, shared: bool
) -> None:
    asked = Database(f"sqlite+aiosqlite:///{file}", shared=shared)
    seen: list[bool] = []
    async with asked.read() as session:
        await _run(session, "SELECT n FROM thing")
        seen.append(_is_line_free(file))
    async with asked.transaction() as session:
        await _run(session, "INSERT INTO thing VALUES (4)")
        seen.append(_is_line_free(file))
    seen.append(_is_line_free(file))
    with pytest.raises(IntegrityError):
        async with asked.transaction() as session:
            await _run(session, "INSERT INTO thing VALUES (1)")
    seen.append(_is_line_free(file))
    seen.append(await asked.write(lambda _: _is_line_free(file)))
    seen.append(_is_line_free(file))
    await asked.close()

    assert seen == [True, False, True, True, False, True]


@contextmanager
def _taken_line(file: Path) -> Generator[None, None, None]:
    with Path(f"{file}-line").open("ab") as line:
        fcntl.flock(line, fcntl.LOCK_EX)
        yield


async def _write(db: Database) -> None:
    async with db.transaction() as session:
        await _run(session, "INSERT INTO thing VALUES (5)")


async def test_who_waits_in_line_writes_when_the_one_before_has_left(
    db: Database, file: Path
) -> None:
    with _taken_line(file):
        waiting = asyncio.create_task(_write(db))
        assert not (await asyncio.wait([waiting], timeout=0.2))[0]
    await waiting

    assert _is_line_free(file)


async def test_who_stands_still_in_line_does_not_keep_others_for_ever(
    db: Database, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_line, "LINE_SECONDS_MAX", 0.05)
    with _taken_line(file):
        await _write(db)

    # The one who waited for nothing does not keep it either.
    await asyncio.to_thread(
        wait_until, lambda: _is_line_free(file), seconds=5, what="The line is free"
    )


@pytest.mark.parametrize("shared", [False, True])
async def test_what_sqlite_rolls_back_itself_leaves_the_line(
    db: Database, file: Path, shared: bool
) -> None:
    asked = Database(f"sqlite+aiosqlite:///{file}", shared=shared)

    async def fail() -> None:
        async with asked.transaction() as session:
            # As on a full disk: no transaction is left that could be rolled back.
            await _run(session, "INSERT OR ROLLBACK INTO thing VALUES (1)")

    with pytest.raises(IntegrityError):
        await fail()

    assert _is_line_free(file)
    await _write(db)
    await asked.close()


def test_who_cannot_begin_leaves_the_line(file: Path) -> None:
    outside = sqlite3.connect(file, isolation_level=None)
    outside.execute(BEGIN)
    inside = InLine(str(file), timeout=0, isolation_level=None)

    with pytest.raises(sqlite3.OperationalError, match="locked"):
        inside.cursor().execute(BEGIN)

    assert _is_line_free(file)
    inside.close()
    outside.close()
