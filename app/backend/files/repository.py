"""Queries of files."""

from uuid import UUID

from sqlmodel import col, func, select

from app.backend.core import acting
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.rows import owned_by, visible_to
from app.backend.files.tables import FileRow


async def find_file(session: Session, actor: Actor, file_id: UUID) -> FileRow | None:
    """Return the file, if it is the actor's."""
    query = visible_to(actor, FileRow).where(col(FileRow.id) == file_id)
    return (await session.exec(query)).first()


async def count_bytes(session: Session, actor: Actor) -> int:
    """Return how many bytes the actor's files have together."""
    files = owned_by(actor, FileRow).subquery()
    # Whoever adds to a collection needs room among what its owner has.
    with acting.as_user(actor.user_id):
        return (await session.exec(select(func.sum(files.c.size)))).one() or 0
