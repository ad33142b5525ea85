"""Budgets as people set them: on themselves and their agents; administrators on everything."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from app.backend.budgets import repository
from app.backend.budgets.caps import Cap, days_of, period_on
from app.backend.budgets.errors import BudgetImposed
from app.backend.budgets.schemas import (
    BudgetChange,
    BudgetDraft,
    BudgetPeriod,
    BudgetPolicy,
    BudgetScope,
    BudgetUnit,
    BudgetView,
)
from app.backend.budgets.sums import sum_spent
from app.backend.budgets.tables import BudgetRow
from app.backend.core import acting, clock
from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session
from app.backend.core.errors import Invalid, NotFound
from app.backend.core.paging import PAGE_SIZE, Page, parse_cursor, to_page
from app.backend.identity import audit
from app.backend.identity.actors import require
from app.backend.identity.audit import Action
from app.backend.identity.tier_repository import find_tier, find_tier_of
from app.backend.models.catalog import ModelCatalog


async def check_model(models: ModelCatalog, actor: Actor, name: str | None) -> None:
    """Refuse a model that a budget cannot lead to; call it before the transaction.

    Raises:
        Invalid: the name leads nowhere.
    """
    if name:
        try:
            await models.check(actor, name)
        except Invalid as error:
            raise Invalid.field("cheaper_model", error.message) from None


async def create_budget(
    session: Session, actor: Actor, *, draft: BudgetDraft
) -> BudgetView:
    """Set a budget; it counts from the next call on, and what was spent in its period counts too.

    Raises:
        Invalid: a field is wrong.
        NotFound: there is no such user, tier or agent, or it is not the actor's.
        Forbidden: only administrators may set it.
    """
    require(actor, Permission.CHANGE_BUDGET)
    owner_id = await _owner_of(session, actor, draft)
    row = BudgetRow(
        owner_id=owner_id,
        scope=draft.scope,
        agent_id=draft.agent_id if draft.scope is BudgetScope.AGENT else None,
        tier_id=draft.tier_id if draft.scope is BudgetScope.TIER else None,
        period=draft.period,
        unit=draft.unit,
        amount=draft.unit.stored(draft.amount),
        policy=draft.policy,
        cheaper_model=draft.cheaper_model.strip(),
        is_active=draft.is_active,
        is_imposed=owner_id not in (None, actor.user_id),
    )
    _check(row)
    await _keep(session, row)
    _record(session, actor, Action.BUDGET_SET, row)
    return (await _to_views(session, actor, [row]))[0]


async def get_budget(
    session: Session, actor: Actor, *, budget_id: UUID, is_everyone: bool = False
) -> BudgetView:
    """Return a budget, with what is spent; `is_everyone` finds those of other people too.

    Raises:
        NotFound: there is none that the actor may see.
        Forbidden: those of others are asked for, and the actor is no administrator.
    """
    require(actor, Permission.VIEW_BUDGET)
    row = await _need(session, actor, budget_id, is_everyone=is_everyone)
    return (await _to_views(session, actor, [row]))[0]


async def list_budgets(
    session: Session,
    actor: Actor,
    *,
    is_everyone: bool = False,
    agent_id: UUID | None = None,
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
) -> Page[BudgetView]:
    """Return a page of the actor's budgets, newest first: for themselves, their agents, and for administrators all.

    With `is_everyone` those of other people are in it too.

    Raises:
        Forbidden: all are asked for, and the actor is no administrator.
    """
    require(actor, Permission.VIEW_BUDGET)
    _need_right(actor, is_everyone=is_everyone)
    rows = await repository.list_budgets(
        session,
        actor,
        is_everyone=is_everyone,
        agent_id=agent_id,
        after=parse_cursor(cursor),
        limit=limit + 1,
    )
    return to_page(await _to_views(session, actor, rows), limit)


async def change_budget(
    session: Session,
    actor: Actor,
    *,
    budget_id: UUID,
    change: BudgetChange,
    is_everyone: bool = False,
) -> BudgetView:
    """Change a budget; what is left out stays.

    Raises:
        NotFound: there is none that the actor may see.
        BudgetImposed: an administrator set it.
        Invalid: a field is wrong.
    """
    row = await _need_own(session, actor, budget_id, is_everyone=is_everyone)
    old = BudgetUnit(row.unit)
    row.period, row.unit = change.period or row.period, change.unit or row.unit
    unit = BudgetUnit(row.unit)
    if change.amount is None and unit is not old:
        message = "Say how much: the unit is another one."
        raise Invalid.field("amount", message)
    if change.amount is not None:
        row.amount = unit.stored(change.amount)
    row.policy = change.policy or row.policy
    if change.cheaper_model is not None:
        row.cheaper_model = change.cheaper_model.strip()
    if change.is_active is not None:
        row.is_active = change.is_active
    _check(row)
    # What is nearly used up is told anew.
    row.noticed, row.updated_at = "", clock.now()
    await _keep(session, row)
    _record(session, actor, Action.BUDGET_CHANGED, row)
    return (await _to_views(session, actor, [row]))[0]


async def delete_budget(
    session: Session, actor: Actor, *, budget_id: UUID, is_everyone: bool = False
) -> None:
    """Delete a budget.

    Raises:
        NotFound: there is none that the actor may see.
        BudgetImposed: an administrator set it.
    """
    row = await _need_own(session, actor, budget_id, is_everyone=is_everyone)
    _record(session, actor, Action.BUDGET_DELETED, row)
    with acting.as_system():
        await session.delete(row)
        await session.flush()


async def _keep(session: Session, row: BudgetRow) -> None:
    # An administrator sets them for others too, and for all.
    with acting.as_system():
        session.add(row)
        await session.flush()


async def _owner_of(session: Session, actor: Actor, draft: BudgetDraft) -> UUID | None:
    _need_right(actor, is_everyone=draft.is_everyone)
    match draft.scope:
        case BudgetScope.INSTALLATION:
            require(actor, Permission.CHANGE_SYSTEM)
            return None
        case BudgetScope.TIER:
            require(actor, Permission.CHANGE_SYSTEM)
            tier_id = draft.tier_id
            if not tier_id or not await find_tier(session, tier_id):
                raise NotFound("tier", tier_id)
            return None
        case BudgetScope.USER:
            user_id = draft.user_id or actor.user_id
            if user_id != actor.user_id:
                require(actor, Permission.CHANGE_SYSTEM)
                if not await repository.has_user(session, user_id):
                    raise NotFound("user", user_id)
            return user_id
        case BudgetScope.AGENT:
            agent_id = draft.agent_id
            found = agent_id and await repository.find_agent_owner(session, agent_id)
            if not found or (found != actor.user_id and not draft.is_everyone):
                raise NotFound("agent", agent_id)
            return found


def _check(row: BudgetRow) -> None:
    if row.amount < 1:
        raise Invalid.field("amount", "It is too small to be counted. Enter more.")
    policy = BudgetPolicy(row.policy)
    if policy is BudgetPolicy.ASK and (row.owner_id is None or row.is_imposed):
        message = "Whoever is limited by it would be asked to raise it. Choose that runs stop, or go on with another model."
        raise Invalid.field("policy", message)


def _need_right(actor: Actor, *, is_everyone: bool) -> None:
    if is_everyone:
        require(actor, Permission.VIEW_USER)


async def _need(
    session: Session, actor: Actor, budget_id: UUID, *, is_everyone: bool
) -> BudgetRow:
    _need_right(actor, is_everyone=is_everyone)
    row = await repository.find_budget(
        session, actor, budget_id, is_everyone=is_everyone
    )
    if row is None:
        raise NotFound("budget", budget_id)
    return row


async def _need_own(
    session: Session, actor: Actor, budget_id: UUID, *, is_everyone: bool
) -> BudgetRow:
    require(actor, Permission.CHANGE_BUDGET)
    row = await _need(session, actor, budget_id, is_everyone=is_everyone)
    if not _may_change(actor, row):
        raise BudgetImposed
    return row


def _may_change(actor: Actor, row: BudgetRow) -> bool:
    is_own = row.owner_id == actor.user_id and not row.is_imposed
    return actor.may(Permission.CHANGE_BUDGET) and (
        is_own or actor.may(Permission.CHANGE_SYSTEM)
    )


async def _to_views(
    session: Session, actor: Actor, rows: Sequence[BudgetRow]
) -> list[BudgetView]:
    names = await repository.name_subjects(session, rows)
    own_tier = await _tier_of(session, actor, rows)
    caps = [
        Cap.of(row, person_id=actor.user_id if row.tier_id == own_tier else None)
        for row in rows
    ]
    spent = await sum_spent(session, caps, clock.now().date())
    return [_to_view(actor, row, spent.get(row.id), names) for row in rows]


async def _tier_of(
    session: Session, actor: Actor, rows: Sequence[BudgetRow]
) -> UUID | None:
    """Return the tier of the actor, if one of the budgets is that of a tier."""
    if all(row.tier_id is None for row in rows):
        return None
    found = await find_tier_of(session, actor.user_id)
    return found[0].id if found else None


def _to_view(
    actor: Actor, row: BudgetRow, spent: int | None, names: Mapping[UUID | None, str]
) -> BudgetView:
    unit, period = BudgetUnit(row.unit), BudgetPeriod(row.period)
    days = days_of(period, period_on(period, clock.now().date()))
    is_of_user = row.scope == BudgetScope.USER
    # What all people together may spend, and do, is nobody else's business.
    is_told = row.scope != BudgetScope.INSTALLATION or actor.may(Permission.VIEW_USER)
    told = spent if is_told else None
    return BudgetView(
        id=row.id,
        scope=BudgetScope(row.scope),
        user_id=row.owner_id if is_of_user else None,
        user_email=names.get(row.owner_id, ""),
        agent_id=row.agent_id,
        agent_name=names.get(row.agent_id, ""),
        tier_id=row.tier_id,
        tier_name=names.get(row.tier_id, ""),
        period=period,
        unit=unit,
        amount=unit.shown(row.amount) if is_told else None,
        policy=BudgetPolicy(row.policy),
        cheaper_model=row.cheaper_model,
        is_active=row.is_active,
        is_imposed=row.is_imposed,
        may_change=_may_change(actor, row),
        since=days[0] if days else None,
        spent=None if told is None else unit.shown(told),
        percent=None if told is None else 100 * told // row.amount,
        is_used_up=spent is not None and spent >= row.amount,
    )


def _record(session: Session, actor: Actor, action: Action, row: BudgetRow) -> None:
    cap = Cap.of(row)
    audit.record(
        session,
        actor,
        action,
        object_kind="budget",
        object_id=row.id,
        scope=cap.scope.value,
        amount=cap.words(row.amount),
        period=cap.period.value,
        policy=cap.policy.value,
    )
