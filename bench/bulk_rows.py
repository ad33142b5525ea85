"""Puts millions of rows into a database in seconds: copies of one row that differ in some columns."""

import json
import sqlite3
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Protocol
from uuid import UUID

import psycopg

from app.backend.bootstrap import Services
from tests.stack import APP_ROLE

_BATCH = 50_000


class Loader(Protocol):
    """Copies rows of one database."""

    def copy(
        self, table: str, names: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> None:
        """Add to `table`, which has one row, copies of it with `rows` in the columns `names`; the one row goes."""
        ...


@contextmanager
def open_loader(services: Services) -> Generator[Loader, None, None]:
    """Open the database of an installation for copying; indexes come back, and statistics are made, at the end."""
    if services.db.is_sqlite:
        path = services.settings.data_dir / "atelier.db"
        with sqlite3.connect(path) as connection:
            yield _Sqlite(connection)
            connection.commit()
            connection.execute("ANALYZE")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    url = services.settings.database_url.replace(f"//{APP_ROLE}@", "//postgres@")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '512MB'")
        yield _Postgres(connection)
        connection.execute("VACUUM ANALYZE")


class _Sqlite:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def copy(
        self, table: str, names: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> None:
        execute = self._connection.execute
        made = execute(
            "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL AND type <> 'table'",
            (table,),
        ).fetchall()
        for kind, name, _ in made:
            execute(f"DROP {kind} {name}")
        columns = [row[1] for row in execute(f"PRAGMA table_info({table})")]
        rest = [f'"{name}"' for name in columns if name not in names]
        execute(f"CREATE TEMP TABLE one AS SELECT * FROM {table}")
        execute(f"DELETE FROM {table}")
        into = ", ".join([*names, *rest])
        values = ", ".join([*"?" * len(names), *rest])
        self._connection.executemany(
            f"INSERT INTO {table} ({into}) SELECT {values} FROM one",
            (tuple(map(_plain, row)) for row in rows),
        )
        execute("DROP TABLE temp.one")
        for _, _, sql in made:
            execute(sql)
        if table == "run_text":
            execute("INSERT INTO run_fts(run_fts) VALUES ('rebuild')")


class _Postgres:
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def copy(
        self, table: str, names: Sequence[str], rows: Iterable[Sequence[Any]]
    ) -> None:
        def execute(statement: str) -> Any:
            return self._connection.execute(statement.encode())

        made = execute(
            f"SELECT indexname, indexdef FROM pg_indexes WHERE tablename = '{table}' AND indexname LIKE 'ix%'"
        ).fetchall()
        for name, _ in made:
            execute(f"DROP INDEX {name}")
        found = execute(f"SELECT * FROM {table} LIMIT 0").description
        rest = [f'"{each.name}"' for each in found if each.name not in names]
        into = ", ".join(names)
        execute(f"CREATE TEMP TABLE one AS SELECT * FROM {table}")
        execute(f"DELETE FROM {table}")
        execute(f"CREATE TEMP TABLE many AS SELECT {into} FROM {table} LIMIT 0")
        source = iter(rows)
        while batch := list(islice(source, _BATCH)):
            with (
                self._connection.cursor() as cursor,
                cursor.copy(f"COPY many ({into}) FROM STDIN".encode()) as copy,
            ):
                for row in batch:
                    copy.write_row([_text(value) for value in row])
        wanted = ", ".join([*(f"many.{name}" for name in names), *rest])
        others = f", (SELECT {', '.join(rest)} FROM one) AS rest" if rest else ""
        execute(
            f"INSERT INTO {table} ({', '.join([*names, *rest])}) SELECT {wanted} FROM many{others}"
        )
        execute("DROP TABLE one, many")
        for _, definition in made:
            execute(definition)


def _plain(value: Any) -> Any:
    match value:
        case UUID():
            return value.hex
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        case dict() | list():
            return json.dumps(value)
        case _:
            return value


def _text(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value
