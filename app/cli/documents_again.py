"""What a backup must know of everybody's documents, and what a restore does to them."""

from uuid import UUID

from sqlmodel import col, func, select

from app.backend.core.db import Database, Session
from app.backend.core.jobs import JobName
from app.backend.core.outbox import OutboxRow
from app.backend.files.tables import FileRow
from app.backend.knowledge.parts import parsed_key
from app.backend.knowledge.schemas import DocumentStatus
from app.backend.knowledge.tables import CollectionRow, DocumentRow

_EMBEDDED = (DocumentStatus.EMBEDDED, DocumentStatus.READY)


async def list_objects(db: Database) -> list[str]:
    """Return the keys of all stored objects; some may not be there (yet)."""
    async with db.read() as session:
        files = await session.exec(
            select(FileRow.object_key)
        )  # lint-skip: repo-scope - a backup has everybody's
        documents = await session.exec(
            select(DocumentRow)
        )  # lint-skip: repo-scope - a backup has everybody's
        parsed = [parsed_key(row.collection_id, row.id) for row in documents]
        return [*files, *parsed]


async def list_collections(db: Database) -> list[UUID]:
    """Return under which ids the vectors of all collections are."""
    async with db.read() as session:
        return list(
            await session.exec(
                select(func.coalesce(CollectionRow.vectors_id, CollectionRow.id))
            )
        )  # lint-skip: repo-scope - a restore replaces everybody's


async def embed(session: Session) -> None:
    """Send every document that has vectors back to the step before, with a job for the workers."""
    query = select(DocumentRow).where(
        col(DocumentRow.status).in_(_EMBEDDED)
    )  # lint-skip: repo-scope - a restore replaces everybody's
    for row in (await session.exec(query)).all():
        row.status, row.chunks_done = DocumentStatus.CHUNKED, 0
        row.lease_until = None
        row.dispatch += 1
        job = OutboxRow(
            name=JobName.DOCUMENT_INGEST,
            key=f"ingest-{row.id}-{row.dispatch}",
            subject_id=str(row.id),
        )
        session.add_all([row, job])
