"""Queries of models."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Mapped, aliased
from sqlmodel import and_, col, func, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.rows import is_visible
from app.backend.models.schemas import DefaultKind, Environment, ModelKind
from app.backend.models.tables import ModelRow
from app.backend.providers.tables import ProviderRow

Pair = tuple[ModelRow, ProviderRow]
_MADE_BY = {
    DefaultKind.CHAT: ModelKind.CHAT,
    DefaultKind.EMBEDDING: ModelKind.EMBEDDING,
    DefaultKind.CHEAP: ModelKind.CHAT,
}


def _marks(kind: DefaultKind) -> Mapped[bool]:
    is_cheap = kind is DefaultKind.CHEAP
    return col(ModelRow.is_cheap if is_cheap else ModelRow.is_default)


def _usable_by(actor: Actor) -> SelectOfScalar[Pair]:
    """Return the query for the models that the actor may use, each with its provider."""
    return (  # pyright: ignore[reportReturnType] - the library's types know no pairs of rows
        select(
            ModelRow, ProviderRow
        )  # lint-skip: repo-scope - those of the providers that they may use
        .join(ProviderRow, col(ProviderRow.id) == col(ModelRow.provider_id))
        .where(is_visible(actor, ProviderRow))
    )


async def list_models(
    session: Session, actor: Actor, *, provider_id: UUID | None = None
) -> Sequence[Pair]:
    """Return the models that the actor may use, by provider and name."""
    query = _usable_by(actor).order_by(
        col(ProviderRow.name), col(ModelRow.name), col(ModelRow.id)
    )
    if provider_id is not None:
        query = query.where(col(ModelRow.provider_id) == provider_id)
    return (await session.exec(query)).all()


async def find_model(session: Session, actor: Actor, model_id: UUID) -> Pair | None:
    """Return a model that the actor may use."""
    query = _usable_by(actor).where(col(ModelRow.id) == model_id)
    return (await session.exec(query)).first()


async def find_named(session: Session, provider_id: UUID, name: str) -> ModelRow | None:
    """Return the model of that name of a provider that was found for the actor."""
    query = select(
        ModelRow
    ).where(  # lint-skip: repo-scope - the provider was found for the actor
        col(ModelRow.provider_id) == provider_id, col(ModelRow.name) == name
    )
    return (await session.exec(query)).first()


def _own_or_shared(actor: Actor) -> ColumnElement[bool]:
    # What single people share is chosen by name only.
    own = col(ProviderRow.owner_id) == actor.user_id
    return or_(own, col(ProviderRow.is_shared).is_(True))


def _shared_as_meant(actor: Actor) -> ColumnElement[bool]:
    # By the name of one's own provider one means that one.
    own = aliased(ProviderRow)
    names = select(own.name).where(  # lint-skip: repo-scope - names of one's own
        col(own.owner_id) == actor.user_id, col(own.is_shared).is_(False)
    )
    is_shared = col(ProviderRow.is_shared).is_(True)
    return and_(is_shared, col(ProviderRow.name).not_in(names))


async def find_default(
    session: Session,
    actor: Actor,
    *,
    kind: DefaultKind,
    environment: Environment,
    is_shared: bool = False,
) -> Pair | None:
    """Return the default of a kind: the actor's own before the installation's, or with `is_shared` that one only."""
    query = (
        _usable_by(actor)
        .where(
            _marks(kind).is_(True),
            col(ModelRow.is_enabled).is_(True),
            col(ProviderRow.is_enabled).is_(True),
            col(ModelRow.kind) == _MADE_BY[kind],
            col(ModelRow.environment) == environment,
            _shared_as_meant(actor) if is_shared else _own_or_shared(actor),
        )
        .order_by(col(ModelRow.updated_at).desc())
    )
    pairs = (await session.exec(query)).all()
    own = [pair for pair in pairs if not pair[1].is_shared]
    return next(iter([*own, *pairs]), None)


async def list_defaults(
    session: Session, model: ModelRow, provider: ProviderRow, kind: DefaultKind
) -> Sequence[ModelRow]:
    """Return the other defaults of a kind, for the environment and the people of a model."""
    query = (
        select(
            ModelRow
        )  # lint-skip: repo-scope - those that this one takes the place of
        .join(ProviderRow, col(ProviderRow.id) == col(ModelRow.provider_id))
        .where(
            _marks(kind).is_(True),
            col(ModelRow.kind) == _MADE_BY[kind],
            col(ModelRow.environment) == model.environment,
            col(ModelRow.id) != model.id,
            col(ProviderRow.is_shared) == provider.is_shared,
        )
    )
    if not provider.is_shared:
        query = query.where(col(ProviderRow.owner_id) == provider.owner_id)
    return (await session.exec(query)).all()


async def count_models(
    session: Session, provider_ids: Sequence[UUID]
) -> dict[UUID, int]:
    """Return how many models each of these providers has."""
    query = (
        select(
            ModelRow.provider_id, func.count()
        )  # lint-skip: repo-scope - the providers were found for the actor
        .where(col(ModelRow.provider_id).in_(provider_ids))
        .group_by(col(ModelRow.provider_id))
    )
    return dict((await session.exec(query)).all())
