"""Deletes and changes providers and models, unless agents, fallbacks, collections or budgets would lose what they need."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, String, cast
from sqlalchemy.orm import Mapped
from sqlmodel import and_, col, or_, select

from app.backend.agents.tables import AgentRow
from app.backend.budgets.schemas import BudgetPolicy, BudgetScope
from app.backend.budgets.tables import BudgetRow
from app.backend.core import acting
from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session
from app.backend.core.errors import Conflict
from app.backend.knowledge.tables import CollectionRow
from app.backend.models import service as models
from app.backend.models.tables import ModelRow
from app.backend.providers import repository
from app.backend.providers import service as providers
from app.backend.providers.schemas import ProviderDraft, ProviderView
from app.backend.providers.service import ProviderParts
from app.backend.providers.tables import ProviderRow

_NAMED_MAX = 5

Text: TypeAlias = Mapped[str]
Id: TypeAlias = Mapped[Any]
Term: TypeAlias = ColumnElement[bool]


class _User(NamedTuple):
    """What names a model, in words, and whose it is; None is the installation's."""

    what: str
    owner_id: UUID | None


@dataclass(frozen=True)
class _Loss:
    """What would be gone: the models of a provider, or one of them by its full name; `is_lost` says for whom."""

    provider: ProviderView
    is_lost: Callable[[Id], Term]
    model: str = ""

    @property
    def what(self) -> str:
        return self.model or self.provider.name

    def names(self, column: Text) -> Term:
        if self.model:
            return column == self.model
        return column.startswith(f"{self.provider.name}/", autoescape=True)

    def may_be_in(self, column: Mapped[list[str]]) -> Term:
        # Databases differ in how they look into a list; `is_in` has the last word.
        begins = f'"{self.provider.name}/'
        return cast(column, String).contains(begins, autoescape=True)

    def is_in(self, names: Sequence[str]) -> bool:
        if self.model:
            return self.model in names
        return any(name.startswith(f"{self.provider.name}/") for name in names)


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
        Conflict: it would not be shared any more, and agents, fallbacks, collections or budgets of other people name it.
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
        Conflict: agents, fallbacks, collections or budgets of people who would lose it name it.
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
        Conflict: something names its models; the message says what.
    """
    view = await providers.get_provider(session, actor, provider_id=provider_id)
    if view.may_change:
        await _need_unused(session, actor, _Loss(view, partial(_asks, view)))
    await providers.delete_provider(session, actor, provider_id=provider_id)


async def delete_model(session: Session, actor: Actor, *, model_id: UUID) -> None:
    """Delete a model.

    Raises:
        NotFound: there is none for the actor.
        Conflict: something names it; the message says what.
    """
    view = await models.get_model(session, actor, model_id=model_id)
    if view.may_change:
        provider = await providers.get_provider(
            session, actor, provider_id=view.provider_id
        )
        loss = _Loss(provider, partial(_asks, provider), view.full_name)
        await _need_unused(session, actor, loss)
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

        def is_lost(owner: Id) -> Term:
            others = owner.not_in(repository.owners_of(view.name))
            return and_(others, owner.not_in(repository.users_of(provider_id)))

        await _need_unused(session, actor, _Loss(view, is_lost))


def _asks(provider: ProviderView, owner: Id) -> Term:
    # Whoever has another one of that name uses that one.
    others = owner.not_in(repository.owners_of(provider.name, but=provider.id))
    if provider.is_shared:
        return others
    is_own = owner.in_(repository.owner_of(provider.id))
    before = repository.users_before(provider.name, provider.id)
    is_shared = owner.in_(repository.users_of(provider.id))
    return or_(is_own, and_(is_shared, others, owner.not_in(before)))


async def _need_unused(session: Session, actor: Actor, loss: _Loss) -> None:
    with acting.as_system():
        users = [
            *await _list_naming(session, loss),
            *await _list_falling_back(session, loss),
            *await _list_budgets(session, actor, loss),
        ]
    if users:
        what = loss.what
        message = f"{what} is used by {_words(actor, users)}. Give them another model first, or switch {what} off."
        raise Conflict(message)


async def _list_naming(session: Session, loss: _Loss) -> list[_User]:
    users: list[_User] = []
    for kind, row, model in (
        ("agent", AgentRow, col(AgentRow.model)),
        ("collection", CollectionRow, col(CollectionRow.embedding_model)),
    ):
        query = (
            select(row.name, row.owner_id)  # lint-skip: repo-scope - of all who use it
            .where(loss.names(model), loss.is_lost(col(row.owner_id)))
            .order_by(col(row.name))
        )
        found = await session.exec(query)
        users += [_User(f"the {kind} {name!r}", owner_id) for name, owner_id in found]
    return users


async def _list_falling_back(session: Session, loss: _Loss) -> list[_User]:
    full_name = col(ProviderRow.name) + "/" + col(ModelRow.name)
    of_models = (
        select(  # lint-skip: repo-scope - of all who use it
            full_name, ModelRow.owner_id, ModelRow.fallbacks
        )
        .join(ProviderRow, col(ProviderRow.id) == col(ModelRow.provider_id))
        .order_by(full_name)
    )
    if not loss.model:
        # Its own models go along.
        of_models = of_models.where(col(ModelRow.provider_id) != loss.provider.id)
    of_agents = select(  # lint-skip: repo-scope - of all who use it
        AgentRow.name, AgentRow.owner_id, AgentRow.fallbacks
    ).order_by(col(AgentRow.name))
    users: list[_User] = []
    for kind, row, query in (
        ("agent", AgentRow, of_agents),
        ("model", ModelRow, of_models),
    ):
        query = query.where(
            loss.may_be_in(col(row.fallbacks)), loss.is_lost(col(row.owner_id))
        )
        users += [
            _User(f"the fallbacks of the {kind} {name!r}", owner_id)
            for name, owner_id, fallbacks in await session.exec(query)
            if loss.is_in(fallbacks)
        ]
    return users


async def _list_budgets(session: Session, actor: Actor, loss: _Loss) -> list[_User]:
    owner = col(BudgetRow.owner_id)
    is_lost = loss.is_lost(owner)
    if await _is_meant_for_all(session, actor, loss.provider):
        is_lost = or_(is_lost, owner.is_(None))
    query = (
        select(BudgetRow, AgentRow.name)  # lint-skip: repo-scope - of all who use it
        .join(AgentRow, col(AgentRow.id) == col(BudgetRow.agent_id), isouter=True)
        .where(
            col(BudgetRow.policy) == BudgetPolicy.CHEAPER,
            loss.names(col(BudgetRow.cheaper_model)),
            is_lost,
        )
        .order_by(col(BudgetRow.id))
    )
    return [
        _User(f"a budget {_of(row, agent)}", row.owner_id)
        for row, agent in await session.exec(query)
    ]


async def _is_meant_for_all(
    session: Session, actor: Actor, provider: ProviderView
) -> bool:
    if provider.is_shared:
        return True
    # Without a shared one each administrator's budget may mean their own.
    is_admin = actor.may(Permission.CHANGE_SYSTEM)
    return is_admin and await repository.find_shared(session, provider.name) is None


def _of(row: BudgetRow, agent: str | None) -> str:
    scope = BudgetScope(row.scope)
    if row.is_imposed:
        whom = "you" if scope is BudgetScope.USER else f"the agent {agent!r}"
        return f"that an administrator set for {whom}"
    match scope:
        case BudgetScope.INSTALLATION:
            return "of the installation"
        case BudgetScope.TIER:
            return "of a tier"
        case BudgetScope.USER:
            return "of yours"
        case BudgetScope.AGENT:
            return f"of the agent {agent!r}"


def _words(actor: Actor, users: Sequence[_User]) -> str:
    own = [one for one in users if one.owner_id in (actor.user_id, None)]
    named = [one.what for one in own[:_NAMED_MAX]]
    rest = len(own) - len(named)
    others = len(users) - len(own)
    parts = [
        *named,
        *([f"{rest} more of yours"] if rest else []),
        *([f"{others} of other people"] if others else []),
    ]
    return ", ".join(parts)
