"""Deletes and changes providers and models, unless agents would lose what they need."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import and_, col, select

from app.backend.agents.tables import AgentRow
from app.backend.core import acting
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import Conflict
from app.backend.models import service as models
from app.backend.providers import repository
from app.backend.providers import service as providers
from app.backend.providers.schemas import ProviderDraft, ProviderView
from app.backend.providers.service import ProviderParts

_NAMED_MAX = 5


async def update_provider(
    session: Session,
    actor: Actor,
    *,
    provider_id: UUID,
    draft: ProviderDraft,
    parts: ProviderParts,
) -> ProviderView:
    """Change a provider.

    Raises:
        NotFound: there is none for the actor.
        Conflict: it would not be shared any more, and other people's agents use it.
        Invalid: a field is wrong.
    """
    if draft.is_shared is False:
        await _need_no_others(session, actor, provider_id)
    return await providers.update_provider(
        session, actor, provider_id=provider_id, draft=draft, parts=parts
    )


async def share_with_all(
    session: Session, actor: Actor, *, provider_id: UUID, is_shared: bool
) -> ProviderView:
    """Let everybody use a provider, or only those with whom it is shared.

    Raises:
        NotFound: there is none for the actor.
        Forbidden: the actor is no administrator.
        Conflict: agents of people who would lose it use it.
    """
    if not is_shared:
        await _need_no_others(session, actor, provider_id)
    return await providers.share_with_all(
        session, actor, provider_id=provider_id, is_shared=is_shared
    )


async def delete_provider(session: Session, actor: Actor, *, provider_id: UUID) -> None:
    """Delete a provider with its models.

    Raises:
        NotFound: there is none for the actor.
        Conflict: agents use its models; the message names them.
    """
    view = await providers.get_provider(session, actor, provider_id=provider_id)
    if view.may_change:
        used = and_(_names(view), _asks(view))
        await _need_unused(session, actor, used, view.name)
    await providers.delete_provider(session, actor, provider_id=provider_id)


async def delete_model(session: Session, actor: Actor, *, model_id: UUID) -> None:
    """Delete a model.

    Raises:
        NotFound: there is none for the actor.
        Conflict: agents use it; the message names them.
    """
    view = await models.get_model(session, actor, model_id=model_id)
    if view.may_change:
        provider = await providers.get_provider(
            session, actor, provider_id=view.provider_id
        )
        used = and_(col(AgentRow.model) == view.full_name, _asks(provider))
        await _need_unused(session, actor, used, view.full_name)
    await models.delete_model(session, actor, model_id=model_id)


async def list_named_models(session: Session, actor: Actor) -> list[str]:
    """Return the names of the models that the actor's agents in use name."""
    is_own = col(AgentRow.owner_id) == actor.user_id
    query = select(AgentRow.model).where(  # lint-skip: repo-scope - names of one's own
        is_own, col(AgentRow.archived_at).is_(None)
    )
    return sorted((await session.exec(query.distinct())).all())


async def _need_no_others(session: Session, actor: Actor, provider_id: UUID) -> None:
    view = await providers.get_provider(session, actor, provider_id=provider_id)
    if view.may_change and view.is_shared:
        owner = col(AgentRow.owner_id)
        others = owner.not_in(repository.owners_of(view.name))
        without = owner.not_in(repository.users_of(provider_id))
        used = and_(_names(view), others, without)
        await _need_unused(session, actor, used, view.name)


def _names(provider: ProviderView) -> ColumnElement[bool]:
    return col(AgentRow.model).startswith(f"{provider.name}/", autoescape=True)


def _asks(provider: ProviderView) -> ColumnElement[bool]:
    owner = col(AgentRow.owner_id)
    # Whoever has another one of that name uses that one.
    others = repository.owners_of(provider.name, but=provider.id)
    if provider.is_shared:
        return owner.not_in(others)
    return and_(owner.in_(repository.users_of(provider.id)), owner.not_in(others))


async def _need_unused(
    session: Session, actor: Actor, used: ColumnElement[bool], what: str
) -> None:
    query = select(AgentRow).where(used)  # lint-skip: repo-scope - of all who use it
    with acting.as_system():
        rows = (await session.exec(query.order_by(col(AgentRow.name)))).all()
    if rows:
        message = f"{what} is used by {_words(actor, rows)}. Give them another model first, or switch {what} off."
        raise Conflict(message)


def _words(actor: Actor, rows: Sequence[AgentRow]) -> str:
    own = [row.name for row in rows if row.owner_id == actor.user_id]
    named = [f"the agent {name!r}" for name in own[:_NAMED_MAX]]
    rest = len(own) - len(named)
    others = len(rows) - len(own)
    parts = [
        *named,
        *([f"{rest} more of yours"] if rest else []),
        *([f"{others} of other people"] if others else []),
    ]
    return ", ".join(parts)
