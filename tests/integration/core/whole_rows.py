"""A row in every table for each of several people, made from the metadata, so that a new table is in it by itself."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Table, insert
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.types import TypeDecorator

from app.backend.core import ids
from app.backend.tables import metadata

Row = dict[str, Any]
OWNED = [table for table in metadata.sorted_tables if "owner_id" in table.c]
_VALUES: dict[type[Any], Any] = {
    bool: False,
    bytes: b"x",
    int: 1,
    float: 1.0,
    datetime: datetime(2026, 1, 1, tzinfo=UTC),
    date: date(2026, 1, 1),
    dict: {},
}


def add_people(connection: Connection, user_ids: Sequence[UUID]) -> None:
    """Add so many people, each with a row in every table."""
    for number, user_id in enumerate(user_ids):
        known: dict[str, Row] = {}
        for table in metadata.sorted_tables:
            if table.name != "audit_anchor":
                row = make_row(table, known, user_id, number)
                connection.execute(insert(table).values(row))
                known[table.name] = row


def make_row(table: Table, known: dict[str, Row], user_id: UUID, number: int) -> Row:
    """Return a row that belongs to `user_id` and refers to the `known` rows of other tables."""
    return {
        column.name: _value(column, known, user_id, number) for column in table.columns
    }


def _value(
    column: Column[Any], known: dict[str, Row], user_id: UUID, number: int
) -> Any:
    if column.name == "owner_id" or (column.table.name, column.name) == ("user", "id"):
        return user_id
    for key in column.foreign_keys:
        return known[key.column.table.name][key.column.name]
    if column.nullable:
        return None
    if column.name == "place":
        return number if _python_type(column) is int else "1"
    kind = _python_type(column)
    if kind is UUID:
        return ids.new_id()
    # Some texts have to differ from one row to the next, and some are short.
    length = getattr(column.type, "length", None) or 100
    return _VALUES.get(kind, str(user_id)[-length:])


def _python_type(column: Column[Any]) -> type[Any]:
    kind = column.type
    if isinstance(kind, TypeDecorator):
        kind = kind.impl_instance
    return str if isinstance(kind, TSVECTOR) else kind.python_type
