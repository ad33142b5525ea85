"""Queries of notes."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col

from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.rows import visible_to
from app.backend.tools.tables import NoteRow


async def find_note(
    session: Session, actor: Actor, name: str, *, is_locked: bool = False
) -> NoteRow | None:
    """Return the actor's note of that name; `is_locked` keeps other writers out until the commit."""
    query = visible_to(actor, NoteRow).where(col(NoteRow.name) == name)
    if is_locked:
        query = query.with_for_update()
    return (await session.exec(query)).first()


async def get_note(
    session: Session, actor: Actor, note_id: UUID, *, is_locked: bool = False
) -> NoteRow | None:
    """Return the actor's note of that id; `is_locked` keeps other writers out until the commit."""
    query = visible_to(actor, NoteRow).where(col(NoteRow.id) == note_id)
    if is_locked:
        query = query.with_for_update()
    return (await session.exec(query)).first()


async def list_notes(
    session: Session, actor: Actor, *, after: UUID | None, limit: int
) -> Sequence[NoteRow]:
    """Return a page of notes, newest first."""
    query = visible_to(actor, NoteRow)
    if after is not None:
        query = query.where(col(NoteRow.id) < after)
    return (
        await session.exec(query.order_by(col(NoteRow.id).desc()).limit(limit))
    ).all()
