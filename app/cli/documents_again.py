"""What a backup must know of everybody's documents, and what a restore does to them."""

from uuid import UUID

from sqlmodel import col, func, select

from app.backend.core.db import Database, Session
from app.backend.core.outbox import OutboxRow
from app.backend.files.tables import FileRow
from app.backend.knowledge.dispatch import next_job, rewind
from app.backend.knowledge.parts import parsed_key
from app.backend.knowledge.schemas import DocumentStatus
from app.backend.knowledge.tables import CollectionRow, DocumentRow


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
    """Let all vectors be made anew, with a job for the workers; documents that failed begin anew when they are retried."""
    query = select(DocumentRow).order_by(
        col(DocumentRow.id)
    )  # lint-skip: repo-scope - a restore replaces everybody's
    for row in (await session.exec(query)).all():
        if row.status == DocumentStatus.FAILED:
            row.chunks_done = 0
        else:
            rewind(row)
            session.add(OutboxRow(**next_job(row).model_dump()))
        session.add(row)
