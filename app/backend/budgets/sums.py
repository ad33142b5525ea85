"""What is spent of many budgets, in one query."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Uuid, cast, union_all
from sqlmodel import col, func, literal, or_, select

from app.backend.budgets.caps import Cap, days_of, period_on
from app.backend.budgets.schemas import BudgetPeriod, BudgetScope, BudgetUnit
from app.backend.core import acting
from app.backend.core.counts import ELSEWHERE
from app.backend.core.db import Session
from app.backend.usage.tables import UsageRecordRow

_USED = UsageRecordRow


class _Account(NamedTuple):
    """Calls that are added up: by whom, of what, or of everybody, in a period."""

    column: str
    period: BudgetPeriod
    subject_id: UUID | None


async def sum_spent(
    session: Session, caps: Sequence[Cap], day: date
) -> dict[UUID, int]:
    """Return what is spent of each budget in the period that goes on on a day; those for each run are left out."""
    counted = {cap: list(_accounts_of(cap)) for cap in caps}
    wanted = {account for accounts in counted.values() for account in accounts}
    sums = await _sum(session, wanted, day) if wanted else {}
    found: dict[UUID, int] = {}
    for cap, accounts in counted.items():
        if accounts:
            both = [sums.get(account, (0, 0)) for account in accounts]
            place = 0 if cap.unit is BudgetUnit.USD else 1
            found[cap.id] = sum(one[place] for one in both)
    return found


def _accounts_of(cap: Cap) -> Iterator[_Account]:
    if cap.period is BudgetPeriod.RUN:
        return
    match cap.scope:
        case BudgetScope.INSTALLATION:
            yield _Account("", cap.period, None)
        case BudgetScope.USER:
            yield _Account("owner_id", cap.period, cap.owner_id)
        case BudgetScope.TIER:
            if cap.person_id is not None:
                yield _Account("owner_id", cap.period, cap.person_id)
        case BudgetScope.AGENT:
            yield _Account("agent_id", cap.period, cap.agent_id)
            yield _Account("root_agent_id", cap.period, cap.agent_id)


async def _sum(
    session: Session, wanted: set[_Account], day: date
) -> dict[_Account, tuple[int, int]]:
    """Return the millionths of a dollar and the tokens of each account."""
    groups = sorted({(account.column, account.period) for account in wanted})
    queries = [
        _query(place, column, period, day, wanted)
        for place, (column, period) in enumerate(groups)
    ]
    whole: Any = union_all(*queries)
    sums: dict[_Account, tuple[int, int]] = {}
    # What others spend counts too.
    with acting.as_system():
        for place, subject_id, cost, tokens in await session.exec(whole):
            column, period = groups[place]
            account = _Account(column, period, subject_id)
            sums[account] = int(cost or 0), int(tokens or 0)
    return sums


def _query(
    place: int, column: str, period: BudgetPeriod, day: date, wanted: set[_Account]
) -> Any:
    subject: Any = getattr(_USED, column) if column else cast(None, Uuid())
    tokens = func.sum(col(_USED.tokens_in) + col(_USED.tokens_out))
    query: Any = select(  # lint-skip: repo-scope - of budgets that may be seen
        literal(place), subject, func.sum(_USED.cost_micros), tokens
    ).where(col(_USED.price) != ELSEWHERE)
    days = days_of(period, period_on(period, day))
    if days is not None:
        query = query.where(col(_USED.day).between(*days))
    if not column:
        return query
    if column == "root_agent_id":
        # Its own calls are in the sum of the agent already.
        agent_id = col(_USED.agent_id)
        query = query.where(or_(agent_id.is_(None), agent_id != subject))
    ids = {one.subject_id for one in wanted if one[:2] == (column, period)}
    return query.where(subject.in_(ids)).group_by(subject)
