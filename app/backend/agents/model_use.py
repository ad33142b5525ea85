"""Deletes and changes providers and models, unless agents or collections would lose what they need."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Mapped
from sqlmodel import and_, col, or_, select

from app.backend.agents.tables import AgentRow
from app.backend.core import acting
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import Conflict
from app.backend.knowledge.tables import CollectionRow
from app.backend.models import service as models
from app.backend.providers import repository
from app.backend.providers import service as providers
from app.backend.providers.schemas import ProviderDraft, ProviderView
from app.backend.providers.service import ProviderParts

_NAMED_MAX = 5

Text: TypeAlias = Mapped[str]
Id: TypeAlias = Mapped[UUID]
Term: TypeAlias = ColumnElement[bool]


class _User(NamedTuple):
    """What names a model, and whose it is."""

    kind: str
    name: str
    owner_id: UUID


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
        Conflict: it would not be shared any more, and other people's agents or collections use it.
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
        Conflict: agents or collections of people who would lose it use it.
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
        Conflict: agents or collections use its models; the message names them.
    """
    view = await providers.get_provider(session, actor, provider_id=provider_id)
    if view.may_change:

        def asks(model: Text, owner: Id) -> Term:
            return and_(_names(view, model), _asks(view, owner))

        await _need_unused(session, actor, asks, view.name)
    await providers.delete_provider(session, actor, provider_id=provider_id)


async def delete_model(session: Session, actor: Actor, *, model_id: UUID) -> None:
    """Delete a model.

    Raises:
        NotFound: there is none for the actor.
        Conflict: agents or collections use it; the message names them.
    """
    view = await models.get_model(session, actor, model_id=model_id)
    if view.may_change:
        provider = await providers.get_provider(
            session, actor, provider_id=view.provider_id
        )

        def asks(model: Text, owner: Id) -> Term:
            return and_(model == view.full_name, _asks(provider, owner))

        await _need_unused(session, actor, asks, view.full_name)
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

        def loses(model: Text, owner: Id) -> Term:
            others = owner.not_in(repository.owners_of(view.name))
            without = owner.not_in(repository.users_of(provider_id))
            return and_(_names(view, model), others, without)

        await _need_unused(session, actor, loses, view.name)


def _names(provider: ProviderView, model: Text) -> Term:
    return model.startswith(f"{provider.name}/", autoescape=True)


def _asks(provider: ProviderView, owner: Id) -> Term:
    # Whoever has another one of that name uses that one.
    others = owner.not_in(repository.owners_of(provider.name, but=provider.id))
    if provider.is_shared:
        return others
    is_own = owner.in_(repository.owner_of(provider.id))
    before = repository.users_before(provider.name, provider.id)
    is_shared = owner.in_(repository.users_of(provider.id))
    return or_(is_own, and_(is_shared, others, owner.not_in(before)))


async def _need_unused(
    session: Session, actor: Actor, uses: Callable[[Text, Id], Term], what: str
) -> None:
    found: list[_User] = []
    for kind, row, model in (
        ("agent", AgentRow, col(AgentRow.model)),
        ("collection", CollectionRow, col(CollectionRow.embedding_model)),
    ):
        query = (
            select(row.name, row.owner_id)  # lint-skip: repo-scope - of all who use it
            .where(uses(model, col(row.owner_id)))
            .order_by(col(row.name))
        )
        with acting.as_system():
            found += [_User(kind, *one) for one in await session.exec(query)]
    if found:
        message = f"{what} is used by {_words(actor, found)}. Give them another model first, or switch {what} off."
        raise Conflict(message)


def _words(actor: Actor, users: Sequence[_User]) -> str:
    own = [one for one in users if one.owner_id == actor.user_id]
    named = [f"the {one.kind} {one.name!r}" for one in own[:_NAMED_MAX]]
    rest = len(own) - len(named)
    others = len(users) - len(own)
    parts = [
        *named,
        *([f"{rest} more of yours"] if rest else []),
        *([f"{others} of other people"] if others else []),
    ]
    return ", ".join(parts)
