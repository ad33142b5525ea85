"""Queries of lists of runs. Each reads one stretch of one index, however many runs there are: `docs/benchmarks.md`, P13."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    cast,
    column,
    func,
    literal,
    literal_column,
    table,
    union_all,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlmodel import col, delete, select
from sqlmodel.sql.expression import SelectOfScalar

from app.backend.core import ids
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.rows import visible_to
from app.backend.core.run_events import RunStatus
from app.backend.runs.errors import WORKER_LOST
from app.backend.runs.repository import fetch
from app.backend.runs.schemas import COUNTED_MAX, RunFilter
from app.backend.runs.tables import RunRow, RunTagRow, RunTextRow
from app.backend.runs.words import (
    add_words,
    full_text_query,
    long_beginnings,
    place_of,
    vector_query,
    words_of,
)

_FULL_TEXT = table("run_fts", column("rowid"))
# Ids are made a moment before `created_at`.
_BEFORE = timedelta(seconds=1)


async def list_runs(
    session: Session,
    actor: Actor,
    wanted: RunFilter,
    *,
    after: UUID | None,
    limit: int,
) -> Sequence[RunRow]:
    """Return a page of runs, newest first."""
    words = words_of(wanted.text)
    if wanted.text and not words:
        return []
    if words:
        query = _with_words(session, actor, wanted, words, after)
        return (await session.exec(query.limit(limit))).all()
    if len(wanted.statuses) > 1:
        return await _of_statuses(session, actor, wanted, after=after, limit=limit)
    query = _in_order(actor, wanted, after).limit(limit)
    return (await session.exec(query)).all()


async def last_runs(
    session: Session, actor: Actor, agent_ids: Sequence[UUID]
) -> dict[UUID, tuple[RunStatus, datetime]]:
    """Return the status and the time of each agent's newest run."""
    if not agent_ids:
        return {}
    newest = [
        visible_to(actor, RunRow)
        .where(col(RunRow.agent_id) == agent_id)
        .with_only_columns(
            col(RunRow.agent_id), col(RunRow.status), col(RunRow.created_at)
        )
        .order_by(col(RunRow.id).desc())
        .limit(1)
        .subquery()
        for agent_id in agent_ids
    ]
    query = union_all(*(part.select() for part in newest))
    return {
        agent_id: (RunStatus(status), created_at)
        for agent_id, status, created_at in await fetch(session, query)
    }


async def count_by_status(
    session: Session,
    actor: Actor,
    statuses: Sequence[RunStatus],
    *,
    since: datetime | None = None,
) -> dict[RunStatus, int]:
    """Return how many runs have each of the statuses, `COUNTED_MAX` at most; a status that no run has is left out."""
    parts: list[Any] = []
    for status in statuses:
        query = visible_to(actor, RunRow).where(col(RunRow.status) == status)
        if since is not None:
            query = query.where(*_since(since))
        few = query.with_only_columns(col(RunRow.id)).limit(COUNTED_MAX).subquery()
        word = literal_column(f"'{status.value}'")
        parts.append(select(word, func.count()).select_from(few))
    found = await fetch(session, union_all(*parts))
    return {RunStatus(status): count for status, count in found if count}


async def make_findable(session: Session, actor: Actor, row: RunRow) -> None:
    """Let a new run be found by its question and its tags."""
    add_words(session, row)
    if row.tags:
        await replace_tags(session, actor, row)


async def replace_tags(session: Session, actor: Actor, row: RunRow) -> None:
    """Let a run be found by the tags that it has now."""
    await session.exec(
        delete(RunTagRow).where(  # lint-skip: repo-scope - the row is the actor's
            col(RunTagRow.run_id) == row.id, col(RunTagRow.owner_id) == actor.user_id
        )
    )
    session.add_all(
        RunTagRow(run_id=row.id, tag=tag, owner_id=row.owner_id) for tag in row.tags
    )
    await session.flush()


def _in_order(
    actor: Actor, wanted: RunFilter, after: UUID | None
) -> SelectOfScalar[RunRow]:
    """Return the query without words and with one status at most; a tag's own index is in the order of the runs."""
    query = visible_to(actor, RunRow).where(*_terms(wanted))
    if not wanted.tags:
        if after is not None:
            query = query.where(col(RunRow.id) < after)
        return query.order_by(col(RunRow.id).desc())
    query = query.join(RunTagRow, col(RunTagRow.run_id) == col(RunRow.id)).where(
        col(RunTagRow.owner_id) == actor.user_id,
        col(RunTagRow.tag) == wanted.tags[0],
        *_has_tags(wanted.tags[1:]),
    )
    if after is not None:
        query = query.where(col(RunTagRow.run_id) < after)
    return query.order_by(col(RunTagRow.run_id).desc())


async def _of_statuses(
    session: Session,
    actor: Actor,
    wanted: RunFilter,
    *,
    after: UUID | None,
    limit: int,
) -> Sequence[RunRow]:
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
    query = visible_to(actor, RunRow).where(col(RunRow.id).in_(newest))
    return (await session.exec(query.order_by(col(RunRow.id).desc()))).all()


def _with_words(
    session: Session,
    actor: Actor,
    wanted: RunFilter,
    words: Sequence[str],
    after: UUID | None,
) -> SelectOfScalar[RunRow]:
    query = (
        visible_to(actor, RunRow)
        .join(RunTextRow, col(RunTextRow.run_id) == col(RunRow.id))
        .where(*_terms(wanted), *_has_tags(wanted.tags))
    )
    if session.get_bind().dialect.name == "postgresql":
        place: Any = col(RunTextRow.place)
        matches = col(RunTextRow.words).op("@@")(
            cast(vector_query(words, actor.user_id), TSQUERY)
        )
        query = query.where(col(RunTextRow.owner_id) == actor.user_id, matches)
    else:
        place = _FULL_TEXT.c.rowid
        matches = literal_column("run_fts").op("MATCH")(
            full_text_query(words, actor.user_id)
        )
        kept = literal(" ") + col(RunTextRow.words)
        rest = [kept.contains(part) for part in long_beginnings(words, actor.user_id)]
        query = query.join(_FULL_TEXT, place == col(RunTextRow.place))
        query = query.where(matches, *rest)
    if after is not None:
        query = query.where(place < place_of(after))
    return query.order_by(place.desc())


def _terms(wanted: RunFilter) -> list[ColumnElement[bool]]:
    terms: list[ColumnElement[bool]] = []
    if wanted.agent_id is not None:
        terms.append(col(RunRow.agent_id) == wanted.agent_id)
    if len(wanted.statuses) == 1:
        terms.append(col(RunRow.status) == wanted.statuses[0])
    elif wanted.statuses:
        terms.append(col(RunRow.status).in_(wanted.statuses))
    if wanted.trigger:
        terms.append(col(RunRow.trigger) == wanted.trigger)
    if wanted.is_dead:
        terms.append(col(RunRow.error_code) == WORKER_LOST)
    if wanted.since is not None:
        terms += _since(wanted.since)
    if wanted.until is not None:
        until = wanted.until
        terms += [col(RunRow.id) < ids.first_id(until), col(RunRow.created_at) < until]
    return terms


def _since(moment: datetime) -> list[ColumnElement[bool]]:
    # The id is in the indexes, and says the time too.
    first = ids.first_id(moment - _BEFORE)
    return [col(RunRow.id) >= first, col(RunRow.created_at) >= moment]


def _has_tags(tags: Sequence[str]) -> list[ColumnElement[bool]]:
    return [
        select(RunTagRow.tag)  # lint-skip: repo-scope - of a run that is the actor's
        .where(col(RunTagRow.run_id) == col(RunRow.id), col(RunTagRow.tag) == tag)
        .correlate(RunRow)
        .exists()
        for tag in tags
    ]
