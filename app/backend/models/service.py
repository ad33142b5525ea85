"""Models as people add, change, choose as default and delete them."""

from typing import Any
from uuid import UUID

from app.backend.core import acting, clock
from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session
from app.backend.core.errors import Forbidden, Invalid, NotFound
from app.backend.core.settings import Settings
from app.backend.identity.actors import require
from app.backend.models import capabilities, repository
from app.backend.models.capabilities import find_capabilities
from app.backend.models.fallbacks import check_fallbacks
from app.backend.models.repository import Pair
from app.backend.models.schemas import (
    DefaultKind,
    Environment,
    ModelChange,
    ModelDraft,
    ModelKind,
    ModelRowView,
)
from app.backend.models.tables import ModelRow
from app.backend.providers import service as providers
from app.backend.providers.repository import find_named as find_provider
from app.backend.providers.tables import ProviderRow


async def add_model(
    session: Session, actor: Actor, *, draft: ModelDraft, environment: Environment
) -> ModelRowView:
    """Add a model to a provider; without an environment it is for that of this installation.

    Raises:
        NotFound: there is no such provider for the actor.
        Invalid: it has the model already, or the model is a fallback of itself.
    """
    require(actor, Permission.ADD_MODEL)
    provider = await providers.need_changeable(session, actor, draft.provider_id)
    if await repository.find_named(session, provider.id, draft.name) is not None:
        message = (
            f"{provider.name} has the model {draft.name!r} already. Change that one."
        )
        raise Invalid.field("name", message)
    row = ModelRow(
        owner_id=provider.owner_id,
        provider_id=provider.id,
        name=draft.name,
        **_values(draft, environment),
    )
    check_fallbacks(full_name(row, provider), row.fallbacks)
    _check_cheap(row, provider)
    with acting.as_user(row.owner_id):
        session.add(row)
        await session.flush()
    await _replace_defaults(session, row, provider)
    return to_view(actor, (row, provider))


async def update_model(
    session: Session,
    actor: Actor,
    *,
    model_id: UUID,
    change: ModelChange,
    environment: Environment,
) -> ModelRowView:
    """Change what is known of a model; its name stays.

    Raises:
        NotFound: there is no such model for the actor.
        Forbidden: it is the installation's, and the actor no administrator.
        Invalid: it would be a fallback of itself.
    """
    require(actor, Permission.CHANGE_MODEL)
    row, provider = await _need_changeable(session, actor, model_id)
    check_fallbacks(full_name(row, provider), change.fallbacks)
    row.sqlmodel_update(_values(change, environment))
    _check_cheap(row, provider)
    await _keep(session, row)
    await _replace_defaults(session, row, provider)
    return to_view(actor, (row, provider))


async def set_default(
    session: Session, actor: Actor, *, model_id: UUID, is_default: bool
) -> ModelRowView:
    """Make a model the one that is used where none is named, in the place of the one before; or no longer."""
    require(actor, Permission.CHANGE_MODEL)
    row, provider = await _need_changeable(session, actor, model_id)
    row.is_default = is_default
    row.is_enabled = row.is_enabled or is_default
    await _keep(session, row)
    await _replace_defaults(session, row, provider)
    return to_view(actor, (row, provider))


async def set_cheap(
    session: Session, actor: Actor, *, model_id: UUID, is_cheap: bool
) -> ModelRowView:
    """Make a model the one that is used where a cheap answer is enough, in the place of the one before; or no longer.

    Raises:
        NotFound: there is none for the actor.
        Invalid: it answers nothing.
    """
    require(actor, Permission.CHANGE_MODEL)
    row, provider = await _need_changeable(session, actor, model_id)
    row.is_cheap = is_cheap
    row.is_enabled = row.is_enabled or is_cheap
    _check_cheap(row, provider)
    await _keep(session, row)
    await _replace_defaults(session, row, provider)
    return to_view(actor, (row, provider))


async def set_enabled(
    session: Session, actor: Actor, *, model_id: UUID, is_enabled: bool
) -> ModelRowView:
    """Switch a model off, or on again; nothing of it is lost."""
    require(actor, Permission.CHANGE_MODEL)
    row, provider = await _need_changeable(session, actor, model_id)
    row.is_enabled = is_enabled
    row.is_default = row.is_default and is_enabled
    row.is_cheap = row.is_cheap and is_enabled
    await _keep(session, row)
    return to_view(actor, (row, provider))


async def delete_model(session: Session, actor: Actor, *, model_id: UUID) -> None:
    """Delete a model for good; who calls has seen that no agent needs it."""
    require(actor, Permission.DELETE_MODEL)
    row, _ = await _need_changeable(session, actor, model_id)
    with acting.as_user(row.owner_id):
        await session.delete(row)
        await session.flush()


async def get_model(session: Session, actor: Actor, *, model_id: UUID) -> ModelRowView:
    """Return a model that the actor may use."""
    require(actor, Permission.VIEW_MODEL)
    pair = await repository.find_model(session, actor, model_id)
    if pair is None:
        raise NotFound("model", model_id)
    return to_view(actor, pair)


async def list_models(
    session: Session, actor: Actor, *, provider_id: UUID | None = None
) -> list[ModelRowView]:
    """Return the models that the actor may use, by provider and name."""
    require(actor, Permission.VIEW_MODEL)
    pairs = await repository.list_models(session, actor, provider_id=provider_id)
    return [to_view(actor, pair) for pair in pairs]


async def need_tools(session: Session, actor: Actor, name: str) -> None:
    """Raise Invalid when the model of that name is known to choose no tools."""
    prefix, _, wanted = name.partition("/")
    provider = (
        None
        if prefix in providers.RESERVED
        else await find_provider(session, actor, prefix)
    )
    if provider is None:
        can = find_capabilities(name).can_call_tools or prefix not in providers.RESERVED
    else:
        row = await repository.find_named(session, provider.id, wanted)
        can = row is None or bool(row.capabilities.get("tools"))
    capabilities.need_tools(name, can_call_tools=can)


async def chosen_default(
    session: Session,
    actor: Actor,
    *,
    environment: Environment,
    kind: DefaultKind = DefaultKind.CHAT,
    is_shared: bool = False,
) -> str:
    """Return the model that was chosen as default of a kind: by the actor, else for the installation; empty: none was.

    With `is_shared` only the installation's is meant.
    """
    pair = await repository.find_default(
        session, actor, kind=kind, environment=environment, is_shared=is_shared
    )
    return "" if pair is None else full_name(*pair)


async def default_of_new(session: Session, actor: Actor, *, settings: Settings) -> str:
    """Return the model that an agent begins with: the default that was chosen, else that of the settings."""
    environment = Environment(settings.environment)
    chosen = await chosen_default(session, actor, environment=environment)
    return chosen or settings.default_model


def full_name(model: ModelRow, provider: ProviderRow) -> str:
    """Return what agents call a model."""
    return f"{provider.name}/{model.name}"


def to_view(actor: Actor, pair: Pair) -> ModelRowView:
    """Return what the actor sees of a model."""
    row, provider = pair
    return ModelRowView(
        **row.model_dump(include=set(ModelRowView.model_fields)),
        provider=provider.name,
        full_name=full_name(row, provider),
        is_shared=provider.is_shared,
        may_change=providers.may_change(actor, provider),
    )


async def _need_changeable(session: Session, actor: Actor, model_id: UUID) -> Pair:
    pair = await repository.find_model(session, actor, model_id)
    if pair is None:
        raise NotFound("model", model_id)
    if not providers.may_change(actor, pair[1]):
        whose, whom = providers.keeper(is_shared=pair[1].is_shared)
        message = f"{full_name(*pair)} is a model of {whose}. Ask {whom} to change it."
        raise Forbidden(message)
    return pair


async def _keep(session: Session, row: ModelRow) -> None:
    with acting.as_user(row.owner_id):
        row.updated_at = clock.now()
        session.add(row)
        await session.flush()


async def _replace_defaults(
    session: Session, row: ModelRow, provider: ProviderRow
) -> None:
    # Shared ones may be those of several administrators.
    marked = {"is_default": DefaultKind(row.kind), "is_cheap": DefaultKind.CHEAP}
    with acting.as_system():
        for mark, kind in marked.items():
            if not getattr(row, mark):
                continue
            for other in await repository.list_defaults(session, row, provider, kind):
                setattr(other, mark, False)
                session.add(other)
        await session.flush()


def _check_cheap(row: ModelRow, provider: ProviderRow) -> None:
    if row.is_cheap and row.kind != ModelKind.CHAT:
        message = f"{full_name(row, provider)} makes vectors and answers nothing. Choose a chat model."
        raise Invalid.field("is_cheap", message)


def _values(draft: ModelChange, environment: Environment) -> dict[str, Any]:
    values = draft.model_dump(mode="json", exclude={"provider_id", "name"})
    return values | {
        "environment": draft.environment or environment,
        "is_default": draft.is_default and draft.is_enabled,
        "is_cheap": draft.is_cheap and draft.is_enabled,
    }
