"""Queries of identity."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import col, delete, or_, select, update
from sqlmodel.sql.expression import Select

from app.backend.core import acting
from app.backend.core.actor import Actor, Role
from app.backend.core.db import Session
from app.backend.core.rows import visible_to
from app.backend.identity.tables import (
    ApiKeyRow,
    LinkedLoginRow,
    OneTimeLinkRow,
    SessionRow,
    UserRow,
)


async def find_user(session: Session, user_id: UUID) -> UserRow | None:
    """Return the user, active or not."""
    return await session.get(UserRow, user_id)


async def find_user_by_email(session: Session, email: str) -> UserRow | None:
    """Return the user with that (lower-case) address, active or not."""
    query = select(UserRow).where(col(UserRow.email) == email)
    return (await session.exec(query)).first()


async def welcome(session: Session, user_id: UUID, now: datetime) -> bool:
    """Note that an account was welcomed; False when it was before."""
    query = update(UserRow).where(
        col(UserRow.id) == user_id, col(UserRow.welcomed_at).is_(None)
    )
    return (await session.exec(query.values(welcomed_at=now))).rowcount == 1


async def list_unwelcomed(session: Session, *, limit: int) -> Sequence[UUID]:
    """Return active users who have signed in, here or elsewhere, and were not welcomed."""
    signed_in = select(SessionRow.owner_id)  # lint-skip: repo-scope - of all users
    # Who comes with tokens of another issuer has no login here.
    linked = select(LinkedLoginRow.owner_id)  # lint-skip: repo-scope - of all users
    query = (
        select(UserRow.id)
        .where(
            col(UserRow.is_active).is_(True),
            col(UserRow.welcomed_at).is_(None),
            or_(col(UserRow.id).in_(signed_in), col(UserRow.id).in_(linked)),
        )
        .limit(limit)
    )
    return (await session.exec(query)).all()


async def find_owner(session: Session) -> UserRow | None:
    """Return the owner of the installation: its earliest active administrator."""
    query = (
        select(UserRow)
        .where(col(UserRow.role) == Role.ADMIN)
        .order_by(col(UserRow.is_active).desc(), col(UserRow.id))
        .limit(1)
    )
    return (await session.exec(query)).first()


async def find_session_by_hash(
    session: Session, token_hash: str, now: datetime
) -> tuple[SessionRow, UserRow] | None:
    """Return a living login and its active user."""
    query = _living_sessions(now).where(col(SessionRow.token_hash) == token_hash)
    return (await session.exec(query)).first()


async def find_living_session(
    session: Session, session_id: UUID, now: datetime
) -> tuple[SessionRow, UserRow] | None:
    """Return a living login and its active user."""
    query = _living_sessions(now).where(col(SessionRow.id) == session_id)
    return (await session.exec(query)).first()


def _living_sessions(now: datetime) -> Select[SessionRow, UserRow]:
    # Nobody is known yet: the token itself says whose row it is.
    return (
        select(SessionRow, UserRow)  # lint-skip: repo-scope
        .join(UserRow, col(UserRow.id) == col(SessionRow.owner_id))
        .where(
            col(SessionRow.revoked_at).is_(None),
            col(SessionRow.expires_at) > now,
            col(UserRow.is_active).is_(True),
        )
    )


async def find_key_by_hash(
    session: Session, key_hash: str, now: datetime
) -> tuple[ApiKeyRow, UserRow] | None:
    """Return a living API key and its active user."""
    # Nobody is known yet: the key itself says whose row it is.
    query = (
        select(ApiKeyRow, UserRow)  # lint-skip: repo-scope
        .join(UserRow, col(UserRow.id) == col(ApiKeyRow.owner_id))
        .where(
            col(ApiKeyRow.key_hash) == key_hash,
            col(ApiKeyRow.revoked_at).is_(None),
            col(ApiKeyRow.expires_at).is_(None) | (col(ApiKeyRow.expires_at) > now),
            col(UserRow.is_active).is_(True),
        )
    )
    return (await session.exec(query)).first()


async def list_sessions(
    session: Session, actor: Actor, now: datetime
) -> Sequence[SessionRow]:
    """Return the actor's living logins, newest first."""
    query = (
        visible_to(actor, SessionRow)
        .where(col(SessionRow.revoked_at).is_(None), col(SessionRow.expires_at) > now)
        .order_by(col(SessionRow.id).desc())
    )
    return (await session.exec(query)).all()


async def find_session(
    session: Session, actor: Actor, session_id: UUID
) -> SessionRow | None:
    """Return one of the actor's logins."""
    query = visible_to(actor, SessionRow).where(col(SessionRow.id) == session_id)
    return (await session.exec(query)).first()


async def end_sessions(
    session: Session, user_id: UUID, now: datetime, *, but: UUID | None
) -> int:
    """End every login of a user, except one; returns how many."""
    # An administrator may do so for somebody else.
    query = update(SessionRow).where(  # lint-skip: repo-scope
        col(SessionRow.owner_id) == user_id,
        col(SessionRow.revoked_at).is_(None),
        col(SessionRow.expires_at) > now,
    )
    if but is not None:
        query = query.where(col(SessionRow.id) != but)
    with acting.as_gate():
        return (await session.exec(query.values(revoked_at=now))).rowcount


async def list_keys(
    session: Session, actor: Actor, *, text: str, after: UUID | None, limit: int
) -> Sequence[ApiKeyRow]:
    """Return up to `limit` of the actor's API keys, newest first; `text` begins a key, or is a part of its name."""
    query = visible_to(actor, ApiKeyRow).order_by(col(ApiKeyRow.id).desc()).limit(limit)
    if text:
        query = query.where(
            or_(
                col(ApiKeyRow.prefix).startswith(text, autoescape=True),
                col(ApiKeyRow.name).icontains(text, autoescape=True),
            )
        )
    if after is not None:
        query = query.where(col(ApiKeyRow.id) < after)
    return (await session.exec(query)).all()


async def find_key(session: Session, actor: Actor, key_id: UUID) -> ApiKeyRow | None:
    """Return one of the actor's API keys."""
    query = visible_to(actor, ApiKeyRow).where(col(ApiKeyRow.id) == key_id)
    return (await session.exec(query)).first()


async def forget_links(session: Session, purpose: str) -> None:
    """Delete the links of `purpose` that nobody used."""
    await session.exec(
        delete(OneTimeLinkRow).where(
            col(OneTimeLinkRow.purpose) == purpose,
            col(OneTimeLinkRow.used_at).is_(None),
        )
    )


async def use_link(
    session: Session, purpose: str, token_hash: str, now: datetime
) -> bool:
    """Use up a link; tells whether it was there to be used, which only one caller is told."""
    result = await session.exec(
        update(OneTimeLinkRow)
        .where(
            col(OneTimeLinkRow.purpose) == purpose,
            col(OneTimeLinkRow.token_hash) == token_hash,
            col(OneTimeLinkRow.used_at).is_(None),
            col(OneTimeLinkRow.expires_at) > now,
        )
        .values(used_at=now)
    )
    return result.rowcount == 1
