"""Queries of budgets, and of what is spent."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

from sqlmodel import and_, col, func, or_, select, update
from sqlmodel.sql.expression import SelectOfScalar

from app.backend.agents.tables import AgentRow
from app.backend.budgets.caps import Cap, Payer, days_of
from app.backend.budgets.schemas import BudgetPeriod, BudgetScope, BudgetUnit
from app.backend.budgets.tables import BudgetRow
from app.backend.core import acting
from app.backend.core.actor import Actor, Permission
from app.backend.core.counts import ELSEWHERE
from app.backend.core.db import Session
from app.backend.core.rows import visible_to
from app.backend.identity.tables import TierRow, UserRow
from app.backend.identity.tier_repository import tier_of
from app.backend.usage.tables import UsageRecordRow

_ROW, _USED = BudgetRow, UsageRecordRow


def _seen(actor: Actor, *, is_everyone: bool) -> SelectOfScalar[BudgetRow]:
    query = visible_to(actor, BudgetRow)
    if is_everyone:
        return query
    of_all = col(_ROW.owner_id).is_(None)
    return query.where(or_(col(_ROW.owner_id) == actor.user_id, of_all))


def _acting_for(actor: Actor) -> AbstractContextManager[None]:
    # Administrators see those of all tiers.
    if actor.may(Permission.VIEW_USER):
        return acting.as_system()
    return acting.as_user(actor.user_id)


async def find_budget(
    session: Session, actor: Actor, budget_id: UUID, *, is_everyone: bool
) -> BudgetRow | None:
    """Return a budget of the actor's or the installation's; with `is_everyone` of anybody that they may see."""
    query = _seen(actor, is_everyone=is_everyone).where(col(_ROW.id) == budget_id)
    with _acting_for(actor):
        return (await session.exec(query)).first()


async def list_budgets(
    session: Session,
    actor: Actor,
    *,
    is_everyone: bool,
    agent_id: UUID | None,
    after: UUID | None,
    limit: int,
) -> Sequence[BudgetRow]:
    """Return the next of the budgets that `find_budget` finds, newest first."""
    query = _seen(actor, is_everyone=is_everyone)
    if agent_id is not None:
        query = query.where(col(_ROW.agent_id) == agent_id)
    if after is not None:
        query = query.where(col(_ROW.id) < after)
    query = query.order_by(col(_ROW.id).desc()).limit(limit)
    with _acting_for(actor):
        return (await session.exec(query)).all()


async def list_caps(session: Session, payer: Payer) -> list[Cap]:
    """Return the budgets that a call of the payer's counts on."""
    agents = {payer.agent_id, payer.root_agent_id} - {None}
    query = select(BudgetRow).where(  # lint-skip: repo-scope - they limit whoever runs
        col(_ROW.is_active).is_(True),
        or_(
            col(_ROW.scope) == BudgetScope.INSTALLATION,
            and_(
                col(_ROW.scope) == BudgetScope.USER,
                col(_ROW.owner_id) == payer.user_id,
            ),
            col(_ROW.agent_id).in_(agents),
            col(_ROW.tier_id) == tier_of(payer.user_id),
        ),
    )
    with acting.as_system():
        rows = await session.exec(query)
        return [Cap.of(row, person_id=payer.user_id) for row in rows]


async def find_agent_owner(session: Session, agent_id: UUID) -> UUID | None:
    """Return who owns an agent; None when there is none."""
    query = select(AgentRow.owner_id).where(  # lint-skip: repo-scope - whoever owns it
        col(AgentRow.id) == agent_id
    )
    with acting.as_system():
        return (await session.exec(query)).first()


async def has_user(session: Session, user_id: UUID) -> bool:
    """Tell whether there is such a user."""
    query = select(UserRow.id).where(col(UserRow.id) == user_id)
    return (await session.exec(query)).first() is not None


async def count_spent(session: Session, cap: Cap, period: str) -> int:
    """Return what the calls of a period took, as the rows of usage say; they are the truth."""
    used = (
        col(_USED.cost_micros)
        if cap.unit is BudgetUnit.USD
        else col(_USED.tokens_in) + col(_USED.tokens_out)
    )
    query: Any = select(func.coalesce(func.sum(used), 0)).where(
        col(_USED.price) != ELSEWHERE, *_terms(cap, period)
    )  # lint-skip: repo-scope
    # What others spend counts too.
    with acting.as_system():
        return int((await session.exec(query)).one())


def _terms(cap: Cap, period: str) -> list[Any]:
    if cap.period is BudgetPeriod.RUN:
        run_id = UUID(period)
        return [or_(col(_USED.root_id) == run_id, col(_USED.run_id) == run_id)]
    terms: list[Any] = []
    if cap.scope is BudgetScope.USER:
        terms.append(col(_USED.owner_id) == cap.owner_id)
    if cap.scope is BudgetScope.TIER:
        terms.append(col(_USED.owner_id) == cap.person_id)
    if cap.scope is BudgetScope.AGENT:
        is_of = (col(_USED.agent_id), col(_USED.root_agent_id))
        terms.append(or_(*(column == cap.agent_id for column in is_of)))
    days = days_of(cap.period, period)
    if days is not None:
        terms.append(col(_USED.day).between(*days))
    return terms


async def note(session: Session, cap: Cap, period: str) -> bool:
    """Write down that the log of a run says so in this period; False when one has."""
    query = (
        update(BudgetRow)  # lint-skip: repo-scope - whoever spends is told
        .where(col(_ROW.id) == cap.id, col(_ROW.noticed) != period)
        .values(noticed=period)
    )
    with acting.as_system():
        return (await session.exec(query)).rowcount == 1


async def name_subjects(
    session: Session, rows: Sequence[BudgetRow]
) -> dict[UUID | None, str]:
    """Return the addresses of the users, and the names of the agents and tiers, that budgets are for, by their ids."""
    users = {row.owner_id for row in rows} - {None}
    agents = {row.agent_id for row in rows} - {None}
    tiers = {row.tier_id for row in rows} - {None}
    emails = select(UserRow.id, UserRow.email).where(col(UserRow.id).in_(users))
    names = select(
        AgentRow.id, AgentRow.name
    ).where(  # lint-skip: repo-scope - of budgets that may be seen
        col(AgentRow.id).in_(agents)
    )
    of_tiers = select(TierRow.id, TierRow.name).where(col(TierRow.id).in_(tiers))
    asked = [(users, emails), (agents, names), (tiers, of_tiers)]
    found: dict[UUID | None, str] = {}
    with acting.as_system():
        for wanted, query in asked:
            if wanted:
                found |= {row[0]: row[1] for row in await session.exec(query)}
    return found
