"""Queries about refresh tokens; nobody is known yet, the token itself says whose it is."""

from datetime import datetime
from uuid import UUID

from sqlmodel import col, delete, select, update

from app.backend.core.db import Session
from app.backend.identity.tables import RefreshTokenRow


async def find_token(session: Session, token_hash: str) -> RefreshTokenRow | None:
    """Return a refresh token, used or not."""
    query = select(RefreshTokenRow).where(  # lint-skip: repo-scope
        col(RefreshTokenRow.token_hash) == token_hash
    )
    return (await session.exec(query)).first()


async def use_token(session: Session, token_id: UUID, now: datetime) -> bool:
    """Use up a refresh token; tells whether it was there to be used, which only one caller is told."""
    query = update(RefreshTokenRow).where(  # lint-skip: repo-scope
        col(RefreshTokenRow.id) == token_id, col(RefreshTokenRow.used_at).is_(None)
    )
    return (await session.exec(query.values(used_at=now))).rowcount == 1


async def forget_used(session: Session, session_id: UUID, before: datetime) -> None:
    """Delete the tokens of a login that were used before a moment."""
    query = delete(RefreshTokenRow).where(  # lint-skip: repo-scope
        col(RefreshTokenRow.session_id) == session_id,
        col(RefreshTokenRow.used_at) < before,
    )
    await session.exec(query)
