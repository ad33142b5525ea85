"""Middlewares as people put them before models, change them, switch them off and take them away."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from uuid import UUID

from app.backend.core import acting, clock
from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session, after_commit
from app.backend.core.errors import Forbidden, Invalid, NotFound
from app.backend.identity import audit
from app.backend.identity.actors import require
from app.backend.identity.audit import Action
from app.backend.middleware import repository
from app.backend.middleware.registry import check_config, find_type, types
from app.backend.middleware.schemas import (
    MiddlewareChange,
    MiddlewareView,
    OwnMiddlewareDraft,
)
from app.backend.middleware.tables import ModelMiddlewareRow
from app.backend.models import repository as model_rows
from app.backend.models import service as models
from app.backend.models.repository import Pair
from app.backend.models.schemas import ModelRowView
from app.backend.providers import repository as provider_rows
from app.backend.providers import service as providers


class Renews(Protocol):
    """Tells all processes of a change; a process's chains do."""

    async def renew(self) -> None:
        """Let all processes look at the rows again."""
        ...

    async def warm(self, name: str, model_id: UUID | None) -> None:
        """Make ready what stands before a model."""
        ...


@dataclass(frozen=True)
class _Target:
    """A model that middlewares stand before."""

    name: str
    model_id: UUID | None
    owner_id: UUID | None
    may_change: bool
    is_shared: bool = True

    def as_owner(self) -> AbstractContextManager[None]:
        """Act for whom the model belongs to; those of the settings are the installation's."""
        if self.owner_id is None:
            return acting.as_system()
        return acting.as_user(self.owner_id)


async def add_middleware(
    session: Session,
    actor: Actor,
    *,
    model: str | UUID,
    draft: OwnMiddlewareDraft,
    chains: Renews,
) -> MiddlewareView:
    """Put a middleware before a model, named or by its id; it acts from the next question on, in all processes.

    Raises:
        NotFound: there is no such model for the actor.
        Forbidden: the model is the installation's, and the actor no administrator.
        Invalid: a field is wrong.
    """
    require(actor, Permission.CHANGE_MODEL)
    target = await _find_target(session, actor, model)
    _need_changeable(target)
    row = ModelMiddlewareRow(
        model_id=target.model_id,
        model_name=target.name,
        type=draft.type,
        priority=find_type(draft.type).info.priority,
    )
    _fill(row, draft)
    await _keep(session, actor, (row, target), chains, Action.MIDDLEWARE_ADDED)
    return _view(row, target)


async def change_middleware(
    session: Session,
    actor: Actor,
    *,
    middleware_id: UUID,
    change: MiddlewareChange,
    chains: Renews,
) -> MiddlewareView:
    """Change a middleware; its type and model stay.

    Raises:
        NotFound: there is none for the actor.
        Forbidden: it is the installation's, and the actor no administrator.
        Invalid: a field is wrong.
    """
    require(actor, Permission.CHANGE_MODEL)
    row, target = await _need(session, actor, middleware_id)
    _need_changeable(target)
    _fill(row, change)
    await _keep(session, actor, (row, target), chains, Action.MIDDLEWARE_CHANGED)
    return _view(row, target)


async def set_active(
    session: Session,
    actor: Actor,
    *,
    middleware_id: UUID,
    is_active: bool,
    chains: Renews,
) -> MiddlewareView:
    """Switch a middleware off, or on again; nothing of it is lost."""
    require(actor, Permission.CHANGE_MODEL)
    row, target = await _need(session, actor, middleware_id)
    _need_changeable(target)
    row.is_active = is_active
    await _keep(session, actor, (row, target), chains, Action.MIDDLEWARE_CHANGED)
    return _view(row, target)


async def delete_middleware(
    session: Session, actor: Actor, *, middleware_id: UUID, chains: Renews
) -> None:
    """Take a middleware away for good."""
    require(actor, Permission.CHANGE_MODEL)
    row, target = await _need(session, actor, middleware_id)
    _need_changeable(target)
    with target.as_owner():
        await session.delete(row)
        await session.flush()
    _record(session, actor, row, Action.MIDDLEWARE_DELETED)
    after_commit(session, chains.renew)


async def get_middleware(
    session: Session, actor: Actor, *, middleware_id: UUID
) -> MiddlewareView:
    """Return a middleware of a model that the actor may use."""
    require(actor, Permission.VIEW_MODEL)
    return _view(*await _need(session, actor, middleware_id))


async def list_middlewares(session: Session, actor: Actor) -> list[MiddlewareView]:
    """Return the middlewares of all models that the actor may use: by model, then in their order."""
    require(actor, Permission.VIEW_MODEL)
    rows = await repository.list_middlewares(session, actor)
    pairs = {pair[0].id: pair for pair in await model_rows.list_models(session, actor)}
    return [
        _view(row, _target_of(actor, row, row.model_id and pairs.get(row.model_id)))
        for row in rows
    ]


async def list_of_model(
    session: Session, actor: Actor, *, model: str | UUID
) -> list[MiddlewareView]:
    """Return the middlewares of a model, `provider/model` or by its id, in their order.

    Raises:
        NotFound: there is no such model for the actor.
    """
    require(actor, Permission.VIEW_MODEL)
    target = await _find_target(session, actor, model)
    rows = await repository.list_of(session, target.name, target.model_id)
    return [_view(row, target) for row in rows]


def warm_default(session: Session, view: ModelRowView, *, chains: Renews) -> None:
    """Make ready what stands before a new default model, once it is one."""
    if view.is_default:
        after_commit(session, partial(chains.warm, view.full_name, view.id))


async def _find_target(session: Session, actor: Actor, model: str | UUID) -> _Target:
    # Two providers may have the same name, so an id is not looked up by it.
    if isinstance(model, UUID):
        return _target(actor, await _need_model(session, actor, model))
    prefix, _, wanted = model.partition("/")
    if prefix in providers.RESERVED and wanted:
        return _target_of_settings(actor, model)
    provider = await provider_rows.find_named(session, actor, prefix)
    row = provider and await model_rows.find_named(session, provider.id, wanted)
    if provider is None or row is None:
        raise NotFound("model", model)
    return _target(actor, (row, provider))


async def _need(
    session: Session, actor: Actor, middleware_id: UUID
) -> tuple[ModelMiddlewareRow, _Target]:
    row = await repository.find_middleware(session, actor, middleware_id)
    if row is None:
        raise NotFound("middleware", middleware_id)
    pair = row.model_id and await _need_model(session, actor, row.model_id)
    return row, _target_of(actor, row, pair)


async def _need_model(session: Session, actor: Actor, model_id: UUID) -> Pair:
    pair = await model_rows.find_model(session, actor, model_id)
    if pair is None:
        raise NotFound("model", model_id)
    return pair


def _target_of(actor: Actor, row: ModelMiddlewareRow, pair: Pair | None) -> _Target:
    return _target(actor, pair) if pair else _target_of_settings(actor, row.model_name)


def _target(actor: Actor, pair: Pair) -> _Target:
    row, provider = pair
    may_change = providers.may_change(actor, provider)
    name, is_shared = models.full_name(row, provider), provider.is_shared
    return _Target(name, row.id, row.owner_id, may_change, is_shared)


def _target_of_settings(actor: Actor, name: str) -> _Target:
    return _Target(name, None, None, actor.may(Permission.CHANGE_SYSTEM))


def _need_changeable(target: _Target) -> None:
    if not target.may_change:
        whose, whom = providers.keeper(is_shared=target.is_shared)
        message = f"{target.name} is a model of {whose}. Ask {whom} to change what stands before it."
        raise Forbidden(message)


def _fill(row: ModelMiddlewareRow, change: MiddlewareChange) -> None:
    form = check_config(find_type(row.type), change.config)
    row.config = form.model_dump(mode="json")
    row.priority = change.priority or row.priority
    row.is_active, row.is_critical = change.is_active, change.is_critical


async def _keep(
    session: Session,
    actor: Actor,
    placed: tuple[ModelMiddlewareRow, _Target],
    chains: Renews,
    action: Action,
) -> None:
    row, target = placed
    row.updated_at = clock.now()
    with target.as_owner():
        session.add(row)
        await session.flush()
    _record(session, actor, row, action)
    after_commit(session, chains.renew)


def _record(
    session: Session, actor: Actor, row: ModelMiddlewareRow, action: Action
) -> None:
    audit.record(
        session,
        actor,
        action,
        object_kind="middleware",
        object_id=row.id,
        model=row.model_name,
        type=row.type,
    )


def _view(row: ModelMiddlewareRow, target: _Target) -> MiddlewareView:
    kind = types().get(row.type)
    return MiddlewareView(
        **row.model_dump(include=set(MiddlewareView.model_fields) - {"config"}),
        model=row.model_name,
        type_label=kind.info.label if kind else row.type,
        # It says what is looked for, and so how to get around it.
        config=row.config if target.may_change else {},
        trouble=_trouble(row),
        may_change=target.may_change,
    )


def _trouble(row: ModelMiddlewareRow) -> str:
    try:
        check_config(find_type(row.type), row.config)
    except Invalid as error:
        return error.message
    return ""
