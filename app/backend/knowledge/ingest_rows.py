"""What an ingest writes, each in one step on a plain connection: statements of a session change threads one by one.

Who takes a collection and a document takes the collection first, or two transactions could wait for each other.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Insert,
    Select,
    Update,
    bindparam,
)
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col, delete, insert, or_, select, update

from app.backend.core import clock
from app.backend.knowledge.repository import FINAL
from app.backend.knowledge.tables import ChunkRow, CollectionRow, DocumentRow

_INSERT_ROWS = 1000


def claim_document(
    connection: Connection, document_id: UUID, *, lease_until: datetime
) -> tuple[DocumentRow, CollectionRow] | None:
    """Take a document to work on it; None when it is finished, gone, or somebody else's."""
    claimed = connection.execute(
        _claim(),
        {"document": document_id, "now": clock.now(), "until": lease_until},
    ).mappings()
    for values in claimed:
        document = DocumentRow(**values)
        of_it = {"collection": document.collection_id}
        found = connection.execute(_collection(), of_it).mappings().one()
        return document, CollectionRow(**found)
    return None


def change_document(
    connection: Connection, document: DocumentRow, values: dict[str, Any]
) -> bool:
    """Change a document if this claim still holds; False when it does not."""
    claim = {"document": document.id, "held": document.dispatch}
    changed = connection.execute(
        _change(), {**claim, **values, "updated_at": clock.now()}
    )
    return changed.rowcount == 1


def replace_chunks(
    connection: Connection, document: DocumentRow, rows: Sequence[dict[str, Any]]
) -> None:
    """Make `rows` the only passages of a document."""
    connection.execute(_delete_chunks(), {"document": document.id})
    for first in range(0, len(rows), _INSERT_ROWS):
        connection.execute(_insert_chunks(), rows[first : first + _INSERT_ROWS])


def hold_vectors(connection: Connection, collection: CollectionRow) -> bool:
    """Let a collection have the same vectors until the commit; False when it has others by now, or is gone."""
    held = connection.execute(_hold_vectors(), _vectors_of(collection))
    return held.first() is not None


def raise_version(connection: Connection, collection: CollectionRow) -> bool:
    """Say that the passages of a collection changed; False when it has other vectors by now, or is gone."""
    changed = connection.execute(
        _raise_version(), {**_vectors_of(collection), "now": clock.now()}
    )
    return changed.rowcount == 1


def find_settled_version(
    connection: Connection, collection: CollectionRow
) -> int | None:
    """Return the version of a collection; None while a document of it is still on its way."""
    return connection.execute(
        _settled_version(), {"collection": collection.id}
    ).scalar()


def _vectors_of(collection: CollectionRow) -> dict[str, Any]:
    return {"collection": collection.id, "vectors": collection.vectors_id}


# Made once: to make a statement takes longer than to carry it out.
@cache
def _claim() -> ReturningUpdate[Any]:
    lease = col(DocumentRow.lease_until)
    return (
        # lint-skip: repo-scope - the ingest job knows the row by its id
        update(DocumentRow)
        .where(
            col(DocumentRow.id) == bindparam("document"),
            col(DocumentRow.status).not_in(FINAL),
            or_(lease.is_(None), lease < bindparam("now")),
        )
        .values(
            dispatch=DocumentRow.dispatch + 1,
            lease_until=bindparam("until"),
            updated_at=bindparam("now"),
        )
        .returning(DocumentRow)
    )


@cache
def _collection() -> Select[Any]:
    # lint-skip: repo-scope - as above
    return select(CollectionRow).where(col(CollectionRow.id) == bindparam("collection"))


@cache
def _change() -> Update:
    # lint-skip: repo-scope - as above
    return update(DocumentRow).where(
        col(DocumentRow.id) == bindparam("document"),
        col(DocumentRow.dispatch) == bindparam("held"),
    )


@cache
def _delete_chunks() -> Delete:
    # lint-skip: repo-scope - as above
    return delete(ChunkRow).where(col(ChunkRow.document_id) == bindparam("document"))


@cache
def _insert_chunks() -> Insert:
    return insert(ChunkRow)


@cache
def _hold_vectors() -> Select[Any]:
    # lint-skip: repo-scope - as above
    query = select(CollectionRow.id).where(*_same_vectors())
    return query.with_for_update(read=True)


@cache
def _raise_version() -> Update:
    return (
        # lint-skip: repo-scope - as above
        update(CollectionRow)
        .where(*_same_vectors())
        .values(version=CollectionRow.version + 1, updated_at=bindparam("now"))
    )


@cache
def _settled_version() -> Select[Any]:
    # lint-skip: repo-scope - as above
    unfinished = select(DocumentRow.id).where(
        col(DocumentRow.collection_id) == bindparam("collection"),
        col(DocumentRow.status).not_in(FINAL),
    )
    # lint-skip: repo-scope - as above
    return select(CollectionRow.version).where(
        col(CollectionRow.id) == bindparam("collection"), ~unfinished.exists()
    )


def _same_vectors() -> tuple[ColumnElement[bool], ...]:
    return (
        col(CollectionRow.id) == bindparam("collection"),
        col(CollectionRow.vectors_id).is_not_distinct_from(bindparam("vectors")),
    )
