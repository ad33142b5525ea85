"""Queries about people, whoever they are; only administrators get here."""

from datetime import datetime
from uuid import UUID

from sqlmodel import col, delete, func, or_, select, update

from app.backend.core import acting
from app.backend.core.actor import Role
from app.backend.core.db import Session
from app.backend.identity.tables import ApiKeyRow, OneTimeLinkRow, SessionRow, UserRow


async def list_people(
    session: Session, *, text: str, before: UUID | None, limit: int
) -> list[tuple[UserRow, datetime | None]]:
    """Return users with the time when they were last seen, newest first."""
    seen_at = (
        select(func.max(SessionRow.last_seen_at))  # lint-skip: repo-scope
        .where(col(SessionRow.owner_id) == col(UserRow.id))
        .scalar_subquery()
    )
    query = select(UserRow, seen_at).order_by(col(UserRow.id).desc()).limit(limit)
    if text:
        query = query.where(
            or_(
                col(UserRow.email).icontains(text, autoescape=True),
                col(UserRow.display_name).icontains(text, autoescape=True),
            )
        )
    if before is not None:
        query = query.where(col(UserRow.id) < before)
    with acting.as_gate():
        return [(user, at) for user, at in (await session.exec(query)).all()]


async def lock_admins(session: Session) -> list[UserRow]:
    """Return the administrators as they are now, and let nobody else change them until the commit."""
    query = (
        select(UserRow)
        .where(col(UserRow.role) == Role.ADMIN)
        .order_by(col(UserRow.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list((await session.exec(query)).all())


async def end_keys(session: Session, user_id: UUID, now: datetime) -> None:
    """Revoke every API key of a user."""
    query = update(ApiKeyRow).where(  # lint-skip: repo-scope
        col(ApiKeyRow.owner_id) == user_id, col(ApiKeyRow.revoked_at).is_(None)
    )
    with acting.as_gate():
        await session.exec(query.values(revoked_at=now))


async def forget_links_of(session: Session, user_id: UUID) -> None:
    """Delete the links for a user that nobody used."""
    await session.exec(
        delete(OneTimeLinkRow).where(
            col(OneTimeLinkRow.user_id) == user_id,
            col(OneTimeLinkRow.used_at).is_(None),
        )
    )


async def use_link(
    session: Session, purpose: str, token_hash: str, now: datetime
) -> UUID | None:
    """Use up a link and return whom it is for, which only one caller is told."""
    query = (
        update(OneTimeLinkRow)
        .where(
            col(OneTimeLinkRow.purpose) == purpose,
            col(OneTimeLinkRow.token_hash) == token_hash,
            col(OneTimeLinkRow.used_at).is_(None),
            col(OneTimeLinkRow.expires_at) > now,
        )
        .values(used_at=now)
        .returning(col(OneTimeLinkRow.user_id))
    )
    return (await session.exec(query)).scalars().first()


async def use_sign_up_link(
    session: Session, purpose: str, token_hash: str, now: datetime
) -> str | None:
    """Use up a link and return the address that it proves, which only one caller is told."""
    query = (
        update(OneTimeLinkRow)
        .where(
            col(OneTimeLinkRow.purpose) == purpose,
            col(OneTimeLinkRow.token_hash) == token_hash,
            col(OneTimeLinkRow.used_at).is_(None),
            col(OneTimeLinkRow.expires_at) > now,
        )
        .values(used_at=now)
        .returning(col(OneTimeLinkRow.email))
    )
    return (await session.exec(query)).scalars().first()


async def find_link(
    session: Session, purpose: str, token_hash: str, now: datetime
) -> UUID | None:
    """Return whom a link is for that can still be used."""
    query = select(OneTimeLinkRow.user_id).where(
        col(OneTimeLinkRow.purpose) == purpose,
        col(OneTimeLinkRow.token_hash) == token_hash,
        col(OneTimeLinkRow.used_at).is_(None),
        col(OneTimeLinkRow.expires_at) > now,
    )
    return (await session.exec(query)).first()
