"""Queries about linked logins."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlmodel import col, select

from app.backend.core import acting
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.rows import visible_to
from app.backend.identity.tables import LinkedLoginRow, UserRow


async def find_owner(
    session: Session, *, issuer: str, subject: str
) -> tuple[LinkedLoginRow, UserRow] | None:
    """Return the login of `subject` at `issuer`, and whose account it leads to."""
    # Nobody is known yet: the login itself says whose row it is.
    query = (
        select(LinkedLoginRow, UserRow)  # lint-skip: repo-scope
        .join(UserRow, col(UserRow.id) == col(LinkedLoginRow.owner_id))
        .where(
            col(LinkedLoginRow.issuer) == issuer,
            col(LinkedLoginRow.subject) == subject,
        )
    )
    return (await session.exec(query)).first()


async def list_linked(session: Session, actor: Actor) -> Sequence[LinkedLoginRow]:
    """Return the actor's linked logins, oldest first."""
    query = visible_to(actor, LinkedLoginRow).order_by(col(LinkedLoginRow.id))
    return (await session.exec(query)).all()


async def list_linked_of(session: Session, user_id: UUID) -> Sequence[LinkedLoginRow]:
    """Return a user's linked logins, oldest first."""
    query = (
        select(LinkedLoginRow)  # lint-skip: repo-scope - for administrators
        .where(col(LinkedLoginRow.owner_id) == user_id)
        .order_by(col(LinkedLoginRow.id))
    )
    with acting.as_gate():
        return (await session.exec(query)).all()


async def providers_of(
    session: Session, user_ids: Sequence[UUID]
) -> Mapping[UUID, list[str]]:
    """Return with which providers each of the users can sign in."""
    query = (
        select(  # lint-skip: repo-scope - for administrators, of everybody
            LinkedLoginRow.owner_id, LinkedLoginRow.provider
        )
        .where(col(LinkedLoginRow.owner_id).in_(user_ids))
        .order_by(col(LinkedLoginRow.id))
    )
    found: dict[UUID, list[str]] = defaultdict(list)
    with acting.as_gate():
        rows = (await session.exec(query)).all()
    for user_id, provider in rows:
        if provider not in found[user_id]:
            found[user_id].append(provider)
    return found
