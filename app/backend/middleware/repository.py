"""Queries of middlewares: they are seen by whoever sees their model."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.rows import visible_to
from app.backend.middleware.tables import ModelMiddlewareRow
from app.backend.models.tables import ModelRow
from app.backend.providers.tables import ProviderRow

_ORDER = (
    col(ModelMiddlewareRow.priority),
    col(ModelMiddlewareRow.type),
    col(ModelMiddlewareRow.id),
)


def _of_models_of(actor: Actor) -> SelectOfScalar[ModelMiddlewareRow]:
    """Return the query for the middlewares of models that the actor may use; those of the settings are everybody's."""
    providers = visible_to(actor, ProviderRow).with_only_columns(col(ProviderRow.id))
    models = select(
        ModelRow.id
    ).where(  # lint-skip: repo-scope - of the actor's providers
        col(ModelRow.provider_id).in_(providers)
    )
    return select(ModelMiddlewareRow).where(  # lint-skip: repo-scope - of those models
        or_(
            col(ModelMiddlewareRow.model_id).is_(None),
            col(ModelMiddlewareRow.model_id).in_(models),
        )
    )


async def list_middlewares(
    session: Session, actor: Actor
) -> Sequence[ModelMiddlewareRow]:
    """Return the middlewares of all models that the actor may use: by model, then in their order."""
    query = _of_models_of(actor).order_by(col(ModelMiddlewareRow.model_name), *_ORDER)
    return (await session.exec(query)).all()


async def find_middleware(
    session: Session, actor: Actor, middleware_id: UUID
) -> ModelMiddlewareRow | None:
    """Return a middleware of a model that the actor may use."""
    query = _of_models_of(actor).where(col(ModelMiddlewareRow.id) == middleware_id)
    return (await session.exec(query)).first()


async def list_of(
    session: Session, name: str, model_id: UUID | None
) -> Sequence[ModelMiddlewareRow]:
    """Return the middlewares of a model that was found for the actor, in their order."""
    return (await session.exec(_of(name, model_id))).all()


async def list_active(
    session: Session, name: str, model_id: UUID | None
) -> Sequence[ModelMiddlewareRow]:
    """Return those of a model that are switched on, in their order."""
    query = _of(name, model_id).where(col(ModelMiddlewareRow.is_active).is_(True))
    return (await session.exec(query)).all()


def _of(name: str, model_id: UUID | None) -> SelectOfScalar[ModelMiddlewareRow]:
    query = select(  # lint-skip: repo-scope - who asks has found the model
        ModelMiddlewareRow
    ).where(col(ModelMiddlewareRow.model_id) == model_id)
    if model_id is None:
        query = query.where(col(ModelMiddlewareRow.model_name) == name)
    return query.order_by(*_ORDER)
