"""How many runs each person has begun on a day, against what their tier allows."""

from datetime import datetime, time, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, bindparam
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import col, delete, select

from app.backend.core import clock
from app.backend.core.db import Session
from app.backend.identity import tiers
from app.backend.runs.errors import DayUsedUp
from app.backend.runs.repository import fetch
from app.backend.runs.tables import RunDayRow

KEPT = timedelta(days=7)
_DAY = timedelta(days=1)


async def count_begun(
    session: Session, owner_id: UUID, most: int | None, *, more: int = 1
) -> None:
    """Count `more` runs that begin in this transaction; when it is rolled back they are not counted.

    Raises:
        DayUsedUp: there would be more than `most`.
    """
    now = clock.now()
    query = _count_query(session.get_bind().dialect.name)
    values = {"owner_id": owner_id, "day": now.date(), "more": more}
    ((begun,),) = await fetch(session, query, values)
    if most is not None and begun > most:
        raise DayUsedUp(most, _seconds_left(now))


async def check_day(session: Session, owner_id: UUID) -> None:
    """Refuse a run that would be one too many today, before anything is done about it.

    Raises:
        DayUsedUp: it is so.
    """
    most = (await tiers.limits_of(session, owner_id)).runs_per_day
    if most is not None and await count_today(session, owner_id) >= most:
        raise DayUsedUp(most, _seconds_left(clock.now()))


async def count_today(session: Session, owner_id: UUID) -> int:
    """Return how many runs somebody has begun today."""
    query = select(
        RunDayRow.runs
    ).where(  # lint-skip: repo-scope - of whoever begins a run
        col(RunDayRow.owner_id) == owner_id, col(RunDayRow.day) == clock.now().date()
    )
    return (await session.exec(query)).first() or 0


async def purge_days(session: Session) -> int:
    """Forget the counts of days that are over; returns how many."""
    before = (clock.now() - KEPT).date()
    query = delete(RunDayRow).where(
        col(RunDayRow.day) < before
    )  # lint-skip: repo-scope - of all
    return (await session.exec(query)).rowcount


@cache
def _count_query(dialect: str) -> Any:
    insert: Any = sqlite_insert if dialect == "sqlite" else postgres_insert
    more: BindParameter[int] = bindparam("more")
    values = {"owner_id": bindparam("owner_id"), "day": bindparam("day"), "runs": more}
    return (
        insert(RunDayRow)
        .values(values)
        .on_conflict_do_update(
            index_elements=["owner_id", "day"],
            set_={"runs": RunDayRow.__table__.c.runs + more},  # pyright: ignore[reportAttributeAccessIssue] - SQLModel does not tell of it
        )
        .returning(col(RunDayRow.runs))
    )


def _seconds_left(now: datetime) -> int:
    """Return the seconds until the next day begins."""
    midnight = datetime.combine(now.date() + _DAY, time(), tzinfo=now.tzinfo)
    return max(1, round((midnight - now).total_seconds()))
