"""Queries of usage."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, bindparam
from sqlmodel import and_, case, col, func, literal, or_, select, tuple_

from app.backend.core.db import Session
from app.backend.identity.tables import UserRow
from app.backend.usage.schemas import RunCost, UsageGroup, UsageLine, UsageWish
from app.backend.usage.tables import UsageRecordRow

GROUPS_MAX = 400
_ROW = UsageRecordRow
_KEYS: dict[UsageGroup | None, Any] = {
    None: literal(""),
    UsageGroup.DAY: col(_ROW.day),
    UsageGroup.AGENT: col(_ROW.agent_id),
    UsageGroup.MODEL: col(_ROW.model),
    UsageGroup.PROVIDER: col(_ROW.provider),
    UsageGroup.USER: col(_ROW.owner_id),
}


async def summarize(
    session: Session,
    wish: UsageWish,
    *,
    owner_id: UUID | None,
    by: UsageGroup | None = None,
) -> list[UsageLine]:
    """Return the sums of each group, of all together without one; `owner_id` None counts everybody."""
    key = _KEYS[by]
    place = func.row_number().over(partition_by=key, order_by=col(_ROW.milliseconds))
    size = func.count().over(partition_by=key)
    calls = select(
        _ROW, key.label("key"), place.label("place"), size.label("size")
    ).where(*_terms(wish, owner_id))
    c: Any = calls.subquery().c
    cost = func.coalesce(func.sum(c.cost_micros), 0)
    found: list[Any] = [
        c.key,
        func.max(c.agent_name),
        func.count(),
        _count(c.outcome == "failed"),
        _count(_is_from_cache(c)),
        *[func.sum(c[name]) for name in _SUMMED],
        cost,
        _count(c.cost_micros.is_(None)),
        _count(c.is_estimated.is_(True)),
        _within(c, 50),
        _within(c, 95),
    ]
    query: Any = (
        select(*found)
        .group_by(c.key)
        .order_by(c.key if by is UsageGroup.DAY else cost.desc(), func.count().desc())
        .limit(GROUPS_MAX)
    )
    return [_line(by, row) for row in (await session.exec(query)).all()]


async def name_users(session: Session, user_ids: Sequence[UUID]) -> dict[str, str]:
    """Return the addresses of users by their ids."""
    query = select(UserRow.id, UserRow.email).where(col(UserRow.id).in_(user_ids))
    return {str(user_id): email for user_id, email in await session.exec(query)}


async def list_records(
    session: Session,
    wish: UsageWish,
    *,
    owner_id: UUID | None,
    after: tuple[datetime, UUID, int] | None,
    limit: int,
) -> Sequence[UsageRecordRow]:
    """Return the next calls, oldest first, after the one with a time, a run and a place in its log."""
    order = (col(_ROW.ts), col(_ROW.run_id), col(_ROW.seq))
    query = select(_ROW).where(*_terms(wish, owner_id)).order_by(*order).limit(limit)
    if after is not None:
        ts, run_id, seq = after
        query = query.where(
            or_(
                col(_ROW.ts) > ts,
                and_(
                    col(_ROW.ts) == ts,
                    tuple_(col(_ROW.run_id), col(_ROW.seq))
                    > tuple_(literal(run_id), literal(seq)),
                ),
            )
        )
    return (await session.exec(query)).all()


async def cost_of_runs(
    session: Session, run_ids: Sequence[UUID]
) -> dict[UUID, RunCost]:
    """Return what the calls of each run cost; a run without any is not in it."""
    connection = await session.connection()
    found: Any = await connection.execute(_costs(), {"run_ids": run_ids})
    return {
        run_id: RunCost(
            calls=calls,
            cost_micros=int(cost),
            unpriced=unpriced,
            estimated=estimated,
            window_percent=None if window is None else int(window),
        )
        for run_id, calls, cost, unpriced, estimated, window in found
    }


@cache
def _costs() -> Select[Any]:
    percent: Any = func.max(
        col(_ROW.tokens_in) * 100 / func.nullif(col(_ROW.window), 0)
    )
    found: list[Any] = [
        _ROW.run_id,
        func.count(),
        func.coalesce(func.sum(_ROW.cost_micros), 0),
        _count(col(_ROW.cost_micros).is_(None)),
        _count(col(_ROW.is_estimated).is_(True)),
        percent,
    ]
    wanted = col(_ROW.run_id).in_(bindparam("run_ids", expanding=True))
    return select(*found).where(wanted).group_by(col(_ROW.run_id))


_SUMMED = ("tokens_in", "tokens_out", "tokens_cached", "tokens_reasoning")


def _terms(wish: UsageWish, owner_id: UUID | None) -> list[Any]:
    terms: list[Any] = [col(_ROW.day) >= wish.since, col(_ROW.day) <= wish.until]
    if owner_id is not None:
        terms.append(col(_ROW.owner_id) == owner_id)
    if wish.agent_id is not None:
        terms.append(col(_ROW.agent_id) == wish.agent_id)
    if wish.model:
        terms.append(col(_ROW.model) == wish.model)
    if wish.provider:
        terms.append(col(_ROW.provider) == wish.provider)
    return terms


def _count(term: Any) -> Any:
    return func.sum(case((term, 1), else_=0))


def _is_from_cache(c: Any) -> Any:
    """Return the condition that an answer came from no model: one of a model has tokens, reported or estimated."""
    has_none = and_(c.tokens_in == 0, c.tokens_out == 0)
    return and_(c.outcome == "completed", c.is_estimated.is_(False), has_none)


def _within(c: Any, percent: int) -> Any:
    """Return the least time that so many of a hundred calls stayed within."""
    return func.min(case((c.place * 100 >= c.size * percent, c.milliseconds)))


def _line(by: UsageGroup | None, row: Any) -> UsageLine:
    key, name, calls, failed, *rest = row
    text = "" if key is None else str(key)
    counts = ("cost_micros", "unpriced", "estimated", "p50", "p95")
    names = ("from_cache", *_SUMMED, *counts)
    return UsageLine(
        key=text,
        name=name if by is UsageGroup.AGENT else text,
        calls=calls,
        failed=failed,
        **dict(zip(names, rest, strict=True)),
    )
