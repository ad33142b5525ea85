"""Queries of lists of runs. Each reads one stretch of one index, however many runs there are: `docs/benchmarks.md`, P13."""

from collections.abc import Sequence
from datetime import datetime
from itertools import combinations
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal_column, union_all
from sqlmodel import col, delete, select
from sqlmodel.sql.expression import SelectOfScalar

from app.backend.agents.tables import AgentRow
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.rows import visible_to
from app.backend.core.run_events import RunStatus
from app.backend.runs.filters import (
    has_all_ends,
    has_tags,
    ids_between,
    pair_of,
    terms_of,
)
from app.backend.runs.repository import fetch, fetch_shown
from app.backend.runs.schemas import COUNTED_MAX, RunFilter
from app.backend.runs.tables import RunRow, RunTagRow
from app.backend.runs.word_repository import list_by_words
from app.backend.runs.words import add_words, words_of


async def list_runs(
    session: Session,
    actor: Actor,
    wanted: RunFilter,
    *,
    after: UUID | None,
    limit: int,
) -> Sequence[dict[str, Any]]:
    """Return what is shown of a page of runs, newest first."""
    words = words_of(wanted.text)
    if wanted.text and not words:
        return []
    if words:
        return await list_by_words(
            session, actor, wanted, words, after=after, limit=limit
        )
    if len(wanted.statuses) > 1 and not has_all_ends(wanted):
        return await _of_statuses(session, actor, wanted, after=after, limit=limit)
    return await fetch_shown(session, _in_order(actor, wanted, after).limit(limit))


async def last_runs(
    session: Session, actor: Actor, agent_ids: Sequence[UUID]
) -> dict[UUID, dict[str, Any]]:
    """Return what views of agents say of each one's newest run."""
    if not agent_ids:
        return {}
    # No branch for each agent, whose planning would take longer than the finding; and first the ids, or PostgreSQL
    # would go through all runs.
    newest = (
        visible_to(actor, RunRow)
        .where(col(RunRow.agent_id) == AgentRow.id)
        .with_only_columns(col(RunRow.id))
        .order_by(col(RunRow.id).desc())
        .limit(1)
        .correlate(AgentRow)
        .scalar_subquery()
    )
    # lint-skip: repo-scope - the caller has these agents, and only runs of the actor are found
    found = await fetch(session, select(newest).where(col(AgentRow.id).in_(agent_ids)))
    query = (
        select(RunRow)  # lint-skip: repo-scope - the actor's runs that were found
        .where(col(RunRow.id).in_(row[0] for row in found))
        .with_only_columns(
            col(RunRow.agent_id),
            col(RunRow.status),
            col(RunRow.created_at),
            col(RunRow.waits_for_id),
            col(RunRow.error_code),
        )
    )
    return {
        agent_id: {
            "last_run_status": RunStatus(status),
            "last_run_at": created_at,
            "last_run_waits_for_id": waits_for_id,
            "last_run_error_code": error_code,
        }
        for agent_id, status, created_at, waits_for_id, error_code in await fetch(
            session, query
        )
    }


async def count_by_status(
    session: Session,
    actor: Actor,
    statuses: Sequence[RunStatus],
    *,
    since: datetime,
) -> dict[RunStatus, int]:
    """Return how many runs since then have each of the statuses, `COUNTED_MAX` at most; a status that no run has is left out."""
    parts: list[Any] = []
    wanted = RunFilter(since=since)
    terms = *terms_of(wanted), *ids_between(RunRow.id, wanted, None)
    for status in statuses:
        query = visible_to(actor, RunRow).where(col(RunRow.status) == status, *terms)
        few = query.with_only_columns(col(RunRow.id)).limit(COUNTED_MAX).subquery()
        word = literal_column(f"'{status.value}'")
        parts.append(select(word, func.count()).select_from(few))
    found = await fetch(session, union_all(*parts))
    return {RunStatus(status): count for status, count in found if count}


def add_marks(session: Session, row: RunRow) -> None:
    """Let a new run be found by its question and its tags; the caller flushes."""
    add_words(session, row)
    _add_tags(session, row)


async def replace_tags(session: Session, actor: Actor, row: RunRow) -> None:
    """Let a run be found by the tags that it has now."""
    await session.exec(
        delete(RunTagRow).where(  # lint-skip: repo-scope - the row is the actor's
            col(RunTagRow.run_id) == row.id, col(RunTagRow.owner_id) == actor.user_id
        )
    )
    _add_tags(session, row)
    await session.flush()


def _add_tags(session: Session, row: RunRow) -> None:
    keys = *row.tags, *(pair_of(*pair) for pair in combinations(row.tags, 2))
    session.add_all(
        RunTagRow(run_id=row.id, tag=key, owner_id=row.owner_id) for key in keys
    )


def _in_order(
    actor: Actor, wanted: RunFilter, after: UUID | None
) -> SelectOfScalar[RunRow]:
    """Return the query without words and with one status at most; a tag's own index is in the order of the runs."""
    query = visible_to(actor, RunRow).where(
        *terms_of(wanted), *ids_between(RunRow.id, wanted, after)
    )
    if not wanted.tags:
        return query.order_by(col(RunRow.id).desc())
    first, *rest = _keys_of(wanted.tags)
    # Bounds of both: PostgreSQL may go through runs and tags side by side, and would begin with the newest run.
    tag = col(RunTagRow.run_id)
    query = query.join(RunTagRow, tag == col(RunRow.id)).where(
        col(RunTagRow.owner_id) == actor.user_id,
        col(RunTagRow.tag) == first,
        *ids_between(tag, wanted, after),
        *has_tags(actor.user_id, rest),
    )
    return query.order_by(tag.desc())


async def _of_statuses(
    session: Session,
    actor: Actor,
    wanted: RunFilter,
    *,
    after: UUID | None,
    limit: int,
) -> Sequence[dict[str, Any]]:
    # One stretch of the index for each status: with `IN` a database reads and sorts all of them.
    stretches = [
        _in_order(actor, wanted.model_copy(update={"statuses": [status]}), after)
        .with_only_columns(col(RunRow.id))
        .limit(limit)
        .subquery()
        for status in dict.fromkeys(wanted.statuses)
    ]
    found = await fetch(session, union_all(*(part.select() for part in stretches)))
    newest = sorted((row[0] for row in found), reverse=True)[:limit]
    return await _found(session, newest)


def _keys_of(tags: Sequence[str]) -> list[str]:
    """Return under which tags, and pairs of tags, runs are found that have all of `tags`."""
    pairs = [pair_of(*two) for two in zip(tags[::2], tags[1::2], strict=False)]
    return [*pairs, *tags[2 * len(pairs) :]]


async def _found(session: Session, run_ids: Sequence[UUID]) -> Sequence[dict[str, Any]]:
    if not run_ids:
        return []
    query = select(
        RunRow
    ).where(  # lint-skip: repo-scope - the actor's runs that were found
        col(RunRow.id).in_(run_ids)
    )
    return await fetch_shown(session, query.order_by(col(RunRow.id).desc()))
