"""Queries about second factors: of the user who is asked for one, or whom an administrator helps."""

from datetime import datetime
from uuid import UUID

from sqlmodel import col, delete, func, select, update

from app.backend.core import acting
from app.backend.core.db import Session
from app.backend.identity.tables import RecoveryCodeRow, SecondFactorRow


async def find_factor(session: Session, user_id: UUID) -> SecondFactorRow | None:
    """Return the newest secret of a user, confirmed or not."""
    query = (
        select(SecondFactorRow)  # lint-skip: repo-scope - nobody is signed in yet
        .where(col(SecondFactorRow.owner_id) == user_id)
        .order_by(col(SecondFactorRow.id).desc())
        .limit(1)
    )
    return (await session.exec(query)).first()


async def use_step(session: Session, factor_id: UUID, step: int) -> bool:
    """Note that a code of this time step was taken; False when it or a later one was before."""
    query = update(SecondFactorRow).where(  # lint-skip: repo-scope
        col(SecondFactorRow.id) == factor_id, col(SecondFactorRow.last_step) < step
    )
    return (await session.exec(query.values(last_step=step))).rowcount == 1


async def use_code(
    session: Session, user_id: UUID, code_hash: str, now: datetime
) -> bool:
    """Use up a recovery code; tells whether it was there to be used, which only one caller is told."""
    query = update(RecoveryCodeRow).where(  # lint-skip: repo-scope
        col(RecoveryCodeRow.owner_id) == user_id,
        col(RecoveryCodeRow.code_hash) == code_hash,
        col(RecoveryCodeRow.used_at).is_(None),
    )
    return (await session.exec(query.values(used_at=now))).rowcount == 1


async def count_codes(session: Session, user_id: UUID) -> int:
    """Return how many recovery codes a user has left."""
    query = (
        select(func.count())  # lint-skip: repo-scope
        .select_from(RecoveryCodeRow)
        .where(
            col(RecoveryCodeRow.owner_id) == user_id,
            col(RecoveryCodeRow.used_at).is_(None),
        )
    )
    return (await session.exec(query)).one()


async def forget_factors(session: Session, user_id: UUID) -> None:
    """Delete the secrets of a user."""
    query = delete(SecondFactorRow).where(  # lint-skip: repo-scope
        col(SecondFactorRow.owner_id) == user_id
    )
    with acting.as_gate():
        await session.exec(query)


async def forget_codes(session: Session, user_id: UUID) -> None:
    """Delete the recovery codes of a user."""
    query = delete(RecoveryCodeRow).where(  # lint-skip: repo-scope
        col(RecoveryCodeRow.owner_id) == user_id
    )
    with acting.as_gate():
        await session.exec(query)
