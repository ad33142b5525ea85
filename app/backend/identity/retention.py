"""Removes logins and one-time links that are long over."""

from datetime import timedelta

from sqlmodel import col, delete, or_

from app.backend.core import clock
from app.backend.core.db import Session
from app.backend.identity.tables import OneTimeLinkRow, SessionRow

KEPT = timedelta(days=7)


async def purge_logins(session: Session) -> int:
    """Delete logins and links that ended a week ago, whoever they belong to; returns how many."""
    before = clock.now() - KEPT
    logins = await session.exec(
        delete(SessionRow).where(  # lint-skip: repo-scope
            or_(
                col(SessionRow.expires_at) < before, col(SessionRow.revoked_at) < before
            )
        )
    )
    links = await session.exec(
        delete(OneTimeLinkRow).where(col(OneTimeLinkRow.expires_at) < before)
    )
    return logins.rowcount + links.rowcount
