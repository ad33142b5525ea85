"""Queries of providers."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect
from sqlmodel import and_, col, select, union
from sqlmodel.sql.expression import SelectOfScalar

from app.backend.core import acting, clock
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.rows import owned_by, visible_to
from app.backend.identity.tables import GroupMemberRow, UserRow
from app.backend.providers.tables import ProviderRow, ProviderShareRow


async def list_providers(session: Session, actor: Actor) -> Sequence[ProviderRow]:
    """Return the providers that the actor may use, by name."""
    query = visible_to(actor, ProviderRow).order_by(
        col(ProviderRow.name), col(ProviderRow.id)
    )
    return (await session.exec(query)).all()


async def find_provider(
    session: Session, actor: Actor, provider_id: UUID
) -> ProviderRow | None:
    """Return a provider that the actor may use."""
    query = visible_to(actor, ProviderRow).where(col(ProviderRow.id) == provider_id)
    return (await session.exec(query)).first()


async def find_named(session: Session, actor: Actor, name: str) -> ProviderRow | None:
    """Return the provider that the actor means by a name."""
    query = visible_to(actor, ProviderRow).where(col(ProviderRow.name) == name)
    rows = (await session.exec(query)).all()
    return min(rows, key=lambda row: _rank(actor, row), default=None)


def ids_meant(actor: Actor, rows: Iterable[ProviderRow]) -> set[UUID]:
    """Return the ids of those that the actor means by their names; others of the same names stand behind them."""
    ranked = sorted(rows, key=lambda row: _rank(actor, row), reverse=True)
    return set({row.name: row.id for row in ranked}.values())


def _rank(actor: Actor, row: ProviderRow) -> tuple[bool, bool, UUID]:
    # Before what single people share comes the installation's, so that nobody can put theirs in its place.
    return actor.user_id != row.owner_id, not row.is_shared, row.id


async def find_own(session: Session, actor: Actor, name: str) -> ProviderRow | None:
    """Return the actor's own provider of that name."""
    query = owned_by(actor, ProviderRow).where(col(ProviderRow.name) == name)
    return (await session.exec(query)).first()


async def find_shared(session: Session, name: str) -> ProviderRow | None:
    """Return the installation's provider of that name."""
    query = select(ProviderRow).where(  # lint-skip: repo-scope - of everybody
        col(ProviderRow.name) == name, col(ProviderRow.is_shared).is_(True)
    )
    return (await session.exec(query)).first()


def owners_of(name: str, *, but: UUID | None = None) -> SelectOfScalar[UUID]:
    """Return the query for who has a provider of that name, other than one; each uses it before a shared one."""
    query = select(ProviderRow.owner_id).where(  # lint-skip: repo-scope - of everybody
        col(ProviderRow.name) == name
    )
    return query.where(col(ProviderRow.id) != but) if but else query


def users_of(provider_id: UUID) -> CompoundSelect[Any]:
    """Return the query for whose provider it is, and with whom they share it, by themselves or in a group."""
    return union(owner_of(provider_id), *_sharers(col(ProviderRow.id) == provider_id))


def users_before(name: str, provider_id: UUID) -> CompoundSelect[Any]:
    """Return the query for who uses another one of that name before one that its owner shares with them.

    That is the installation's, for everybody, or the first that somebody shares with them: see `_rank`.
    """
    installation = select(ProviderRow.id).where(  # lint-skip: repo-scope - of all
        col(ProviderRow.name) == name, col(ProviderRow.is_shared).is_(True)
    )
    everybody = select(UserRow.id).where(installation.exists())
    is_first = and_(col(ProviderRow.name) == name, col(ProviderRow.id) < provider_id)
    return union(everybody, *_sharers(is_first))


def owner_of(provider_id: UUID) -> SelectOfScalar[UUID]:
    """Return the query for whose provider it is."""
    return select(ProviderRow.owner_id).where(  # lint-skip: repo-scope - of all
        col(ProviderRow.id) == provider_id
    )


def _sharers(which: ColumnElement[bool]) -> tuple[SelectOfScalar[Any], ...]:
    share, member = ProviderShareRow, GroupMemberRow
    ids = select(ProviderRow.id).where(which)  # lint-skip: repo-scope - of all
    of_them = col(share.object_id).in_(ids)
    people = select(share.user_id).where(of_them, col(share.user_id).is_not(None))
    groups = (
        select(member.user_id)
        .join(share, col(share.group_id) == col(member.group_id))
        .where(of_them)
    )
    return people, groups


async def list_types(session: Session) -> list[str]:
    """Return the types of the providers that are switched on, of everybody: what a worker should have imported."""
    query = select(ProviderRow.type).where(  # lint-skip: repo-scope - of everybody
        col(ProviderRow.is_enabled).is_(True)
    )
    with acting.as_system():
        return list((await session.exec(query.distinct())).all())


async def find_owner(session: Session, provider: ProviderRow) -> UserRow | None:
    """Return whose provider it is: their secret is its key, and their role says which addresses it may reach."""
    return await session.get(UserRow, provider.owner_id)


async def note_trouble(session: Session, provider_id: UUID, trouble: str) -> None:
    """Keep why a provider turned us away; nothing, once it answers again."""
    row = await session.get(
        ProviderRow, provider_id
    )  # lint-skip: repo-scope - a run has found it for its owner
    if row is not None and row.trouble != trouble:
        row.trouble = trouble
        row.trouble_at = clock.now() if trouble else None
        session.add(row)
