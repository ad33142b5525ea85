"""Queries of tiers, and of who is in which."""

from typing import Any
from uuid import UUID

from sqlmodel import and_, col, func, or_, select, update

from app.backend.core.db import Session
from app.backend.identity.tables import TierRow, UserRow


def _is_of() -> Any:
    """Return the condition that a user is in a tier."""
    has_none = and_(col(UserRow.tier_id).is_(None), col(TierRow.is_default))
    return or_(col(UserRow.tier_id) == col(TierRow.id), has_none)


def tier_of(user_id: UUID) -> Any:
    """Return the query, within another one, for the id of a user's tier."""
    query = select(TierRow.id).join(UserRow, _is_of()).where(col(UserRow.id) == user_id)
    return query.scalar_subquery()


async def list_tiers(
    session: Session, *, after: UUID | None, limit: int
) -> list[tuple[TierRow, int]]:
    """Return tiers with how many people they have, newest first."""
    people = select(func.count()).select_from(UserRow).where(_is_of())
    query = select(TierRow, people.correlate(TierRow).scalar_subquery())
    if after is not None:
        query = query.where(col(TierRow.id) < after)
    found = await session.exec(query.order_by(col(TierRow.id).desc()).limit(limit))
    return [(row, count) for row, count in found.all()]


async def count_people(session: Session, tier: TierRow) -> int:
    """Return how many users are in a tier."""
    query = select(func.count()).select_from(UserRow)
    is_in = col(UserRow.tier_id) == tier.id
    if tier.is_default:
        is_in = or_(is_in, col(UserRow.tier_id).is_(None))
    return (await session.exec(query.where(is_in))).one()


async def find_tier(session: Session, tier_id: UUID) -> TierRow | None:
    """Return the tier."""
    return await session.get(TierRow, tier_id)


async def find_tier_by_name(session: Session, name: str) -> TierRow | None:
    """Return the tier that is called so."""
    query = select(TierRow).where(col(TierRow.name) == name)
    return (await session.exec(query)).first()


async def take_default(session: Session) -> None:
    """Let no tier be the default one, until the transaction says which is."""
    query = update(TierRow).where(col(TierRow.is_default)).values(is_default=False)
    await session.exec(query)


async def find_tier_of(
    session: Session, user_id: UUID, *, is_held: bool = False
) -> tuple[TierRow, dict[str, int]] | None:
    """Return the tier of a user, and what they have in the place of its limits."""
    query = select(TierRow, UserRow.limits).join(UserRow, _is_of())
    if is_held:
        query = query.with_for_update(of=UserRow, key_share=True)
    found = (await session.exec(query.where(col(UserRow.id) == user_id))).first()
    return (found[0], dict(found[1])) if found else None
