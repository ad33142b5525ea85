"""Queries of secrets."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, String, Table, literal
from sqlmodel import SQLModel, col, select

from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.rows import visible_to
from app.backend.identity.tables import AuditRow
from app.backend.secrets.references import ReferenceText
from app.backend.secrets.tables import SecretRow


async def find_secret(session: Session, actor: Actor, name: str) -> SecretRow | None:
    """Return one of the actor's secrets."""
    query = visible_to(actor, SecretRow).where(col(SecretRow.name) == name)
    return (await session.exec(query)).first()


async def list_secrets(
    session: Session, actor: Actor, *, after: UUID | None, limit: int
) -> Sequence[SecretRow]:
    """Return up to `limit` of the actor's secrets, newest first."""
    query = visible_to(actor, SecretRow).order_by(col(SecretRow.id).desc()).limit(limit)
    if after is not None:
        query = query.where(col(SecretRow.id) < after)
    return (await session.exec(query)).all()


async def list_uses(
    session: Session, actor: Actor, references: Sequence[str]
) -> dict[str, list[str]]:
    """Return what of the actor's refers to each of the secrets, as its kind and name."""
    uses: dict[str, list[str]] = {reference: [] for reference in references}
    for table, column in _reference_columns():
        name = table.c.get("name", literal("", String))
        query = select(column, name).where(  # lint-skip: repo-scope
            table.c.owner_id == actor.user_id, column.in_(references)
        )
        for reference, named in (await session.exec(query)).all():
            uses[reference].append(f"{table.name} {named!r}")
    return uses


async def was_noted(
    session: Session,
    actor: Actor,
    *,
    action: str,
    reference: str,
    object_id: UUID | None,
    since: datetime | None,
) -> bool:
    """Tell whether the audit says already that the actor used it for this, lately or ever."""
    query = visible_to(actor, AuditRow).where(
        col(AuditRow.action) == action,
        col(AuditRow.object_id) == object_id,
    )
    if since is not None:
        query = query.where(col(AuditRow.created_at) >= since)
    rows = (await session.exec(query)).all()
    return any(row.detail.get("reference") == reference for row in rows)


def _reference_columns() -> list[tuple[Table, Column[str]]]:
    return [
        (table, column)
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, ReferenceText)
    ]
