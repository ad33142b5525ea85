"""Deletes providers and models that no agent needs any more."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from app.backend.agents.tables import AgentRow
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import Conflict
from app.backend.core.rows import visible_to
from app.backend.models import service as models
from app.backend.providers import repository
from app.backend.providers import service as providers
from app.backend.providers.schemas import ProviderView

_NAMED_MAX = 5


async def delete_provider(session: Session, actor: Actor, *, provider_id: UUID) -> None:
    """Delete a provider with its models.

    Raises:
        NotFound: there is none for the actor.
        Conflict: agents use its models; the message names them.
    """
    view = await providers.get_provider(session, actor, provider_id=provider_id)
    if view.may_change:
        used = col(AgentRow.model).startswith(f"{view.name}/", autoescape=True)
        await _need_unused(session, actor, used, view.name, provider=view)
    await providers.delete_provider(session, actor, provider_id=provider_id)


async def delete_model(session: Session, actor: Actor, *, model_id: UUID) -> None:
    """Delete a model.

    Raises:
        NotFound: there is none for the actor.
        Conflict: agents use it; the message names them.
    """
    view = await models.get_model(session, actor, model_id=model_id)
    if view.may_change:
        used = col(AgentRow.model) == view.full_name
        provider = await providers.get_provider(
            session, actor, provider_id=view.provider_id
        )
        await _need_unused(session, actor, used, view.full_name, provider=provider)
    await models.delete_model(session, actor, model_id=model_id)


async def list_named_models(session: Session, actor: Actor) -> list[str]:
    """Return the names of the models that the actor's agents in use name."""
    query = visible_to(actor, AgentRow).where(col(AgentRow.archived_at).is_(None))
    rows = (await session.exec(query)).all()
    return sorted({row.model for row in rows})


async def _need_unused(
    session: Session, actor: Actor, used: object, what: str, *, provider: ProviderView
) -> None:
    query = select(AgentRow).where(used)  # pyright: ignore[reportArgumentType]  # lint-skip: repo-scope - of all who use it
    if provider.is_shared:
        # Whoever has another one of that name uses that one.
        others = repository.owners_of_others(provider.name, provider.id)
        query = query.where(col(AgentRow.owner_id).not_in(others))
    else:
        query = query.where(col(AgentRow.owner_id) == actor.user_id)
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
