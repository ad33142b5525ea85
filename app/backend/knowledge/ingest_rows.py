"""What an ingest writes, each in one step on a plain connection: statements of a session change threads one by one."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlmodel import col, delete, insert, update

from app.backend.core import clock
from app.backend.knowledge.tables import ChunkRow, CollectionRow, DocumentRow

_INSERT_ROWS = 1000


def change_document(
    connection: Connection, document: DocumentRow, values: dict[str, Any]
) -> bool:
    """Change a document if this claim still holds; False when it does not."""
    changed = connection.execute(
        # lint-skip: repo-scope - the ingest job knows the row by its id
        update(DocumentRow)
        .where(
            col(DocumentRow.id) == document.id,
            col(DocumentRow.dispatch) == document.dispatch,
        )
        .values(updated_at=clock.now(), **values)
    )
    return changed.rowcount == 1


def replace_chunks(
    connection: Connection, document: DocumentRow, rows: Sequence[dict[str, Any]]
) -> None:
    """Make `rows` the only passages of a document."""
    # lint-skip: repo-scope - the ingest job knows the row by its id
    connection.execute(delete(ChunkRow).where(col(ChunkRow.document_id) == document.id))
    for first in range(0, len(rows), _INSERT_ROWS):
        connection.execute(insert(ChunkRow), rows[first : first + _INSERT_ROWS])


def raise_version(connection: Connection, collection_id: UUID) -> None:
    """Say that the passages of a collection changed."""
    connection.execute(
        # lint-skip: repo-scope - the ingest job knows the row by its id
        update(CollectionRow)
        .where(col(CollectionRow.id) == collection_id)
        .values(version=CollectionRow.version + 1, updated_at=clock.now())
    )
