"""Queries of providers."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from app.backend.core import acting, clock
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.rows import visible_to
from app.backend.identity.tables import UserRow
from app.backend.providers.tables import ProviderRow


def usable_by(actor: Actor) -> SelectOfScalar[ProviderRow]:
    """Return the query for the providers that the actor may use: their own, and those that are shared with all."""
    return select(
        ProviderRow
    ).where(  # lint-skip: repo-scope - shared ones are of everybody
        or_(
            col(ProviderRow.owner_id) == actor.user_id,
            col(ProviderRow.is_shared).is_(True),
        )
    )


async def list_providers(session: Session, actor: Actor) -> Sequence[ProviderRow]:
    """Return the providers that the actor may use, by name."""
    query = usable_by(actor).order_by(col(ProviderRow.name), col(ProviderRow.id))
    return (await session.exec(query)).all()


async def find_provider(
    session: Session, actor: Actor, provider_id: UUID
) -> ProviderRow | None:
    """Return a provider that the actor may use."""
    query = usable_by(actor).where(col(ProviderRow.id) == provider_id)
    return (await session.exec(query)).first()


async def find_named(session: Session, actor: Actor, name: str) -> ProviderRow | None:
    """Return the provider of that name: the actor's own, before one that is shared."""
    query = usable_by(actor).where(col(ProviderRow.name) == name)
    rows = (await session.exec(query.order_by(col(ProviderRow.id)))).all()
    own = [row for row in rows if row.owner_id == actor.user_id]
    return next(iter([*own, *rows]), None)


async def find_own(session: Session, actor: Actor, name: str) -> ProviderRow | None:
    """Return the actor's own provider of that name."""
    query = visible_to(actor, ProviderRow).where(col(ProviderRow.name) == name)
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
