"""Queries of runs that are found by words: `docs/decisions/0018-words-of-runs-lie-in-one-index-with-marks.md`."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    and_,
    cast,
    column,
    func,
    literal,
    literal_column,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.rows import visible_to
from app.backend.runs.filters import has_tags, ids_between, places_between, terms_of
from app.backend.runs.repository import fetch, fetch_shown
from app.backend.runs.schemas import RunFilter
from app.backend.runs.status import ACTIVE
from app.backend.runs.tables import RunRow, RunTextRow
from app.backend.runs.words import (
    beginnings,
    full_text_query,
    long_words,
    vector_query,
)

_FULL_TEXT = table("run_fts", column("rowid"))
_PLACE = col(RunTextRow.place)
_NEAR_RUNS = 2_000
_SELDOM = _NEAR_RUNS // 200
_COUNTED_WORDS = 10


async def list_by_words(
    session: Session,
    actor: Actor,
    wanted: RunFilter,
    words: Sequence[str],
    *,
    after: UUID | None,
    limit: int,
) -> Sequence[dict[str, Any]]:
    """Return a page of runs whose question and error have words that begin so, newest first."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    has_words = _has_words(words, actor.user_id, is_sqlite=is_sqlite)
    if _are_few(wanted):
        query = _query(actor, wanted, has_words, *ids_between(RunRow.id, wanted, after))
        query = query.order_by(col(RunRow.id).desc())
        return await fetch_shown(session, query.limit(limit))
    if is_sqlite:
        query = _of_full_text(actor, wanted, words, after)
        return await fetch_shown(session, query.limit(limit))
    terms = [
        col(RunTextRow.owner_id) == actor.user_id,
        *places_between(_PLACE, wanted, after),
    ]
    asked, rest = words, []
    if len(words) > 1:
        # PostgreSQL takes words that many runs have together for ones that few have, and would gather them all.
        near = [*terms, _is_near(terms)]
        query = _query(actor, wanted, has_words, *near).order_by(_PLACE.desc())
        found = await fetch_shown(session, query.limit(limit))
        if len(found) == limit:
            return found
        asked, rest = await _seldom(session, actor, words, near), [has_words]
    matches = col(RunTextRow.words).op("@@")(_vector(asked, actor.user_id))
    query = _query(actor, wanted, matches, *rest, *terms).order_by(_PLACE.desc())
    return await fetch_shown(session, query.limit(limit))


def _query(
    actor: Actor, wanted: RunFilter, *terms: ColumnElement[bool]
) -> SelectOfScalar[RunRow]:
    return (
        visible_to(actor, RunRow)
        .join(RunTextRow, col(RunTextRow.run_id) == col(RunRow.id))
        .where(*terms_of(wanted), *has_tags(actor.user_id, wanted.tags), *terms)
    )


def _of_full_text(
    actor: Actor, wanted: RunFilter, words: Sequence[str], after: UUID | None
) -> SelectOfScalar[RunRow]:
    """Return the query of SQLite's full-text table, whose row numbers are the places."""
    place = _FULL_TEXT.c.rowid
    matches = literal_column("run_fts").op("MATCH")(
        full_text_query(words, actor.user_id)
    )
    rest = _has_words(long_words(words), actor.user_id, is_sqlite=True)
    bounds = places_between(place, wanted, after)
    query = _query(actor, wanted, matches, rest, *bounds)
    return query.join(_FULL_TEXT, place == _PLACE).order_by(place.desc())


def _is_near(terms: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    """Return that a place is among the newest of those with `terms`."""
    last = (
        select(_PLACE)  # lint-skip: repo-scope - the owner is in the terms
        .where(*terms)
        .order_by(_PLACE.desc())
        .offset(_NEAR_RUNS)
        .limit(1)
        .scalar_subquery()
    )
    return func.coalesce(last, -1) < _PLACE


async def _seldom(
    session: Session,
    actor: Actor,
    words: Sequence[str],
    near: Sequence[ColumnElement[bool]],
) -> Sequence[str]:
    """Return the words that few of the near runs have, or all if there is none such.

    PostgreSQL gathers what the index has of each word before it compares; the others are looked for in what it finds.
    """
    counts = [
        func.count().filter(_has_words([word], actor.user_id, is_sqlite=False))
        for word in words[:_COUNTED_WORDS]
    ]
    # lint-skip: repo-scope - the owner is in the terms
    (found,) = await fetch(session, select(*counts).where(*near))
    few = [word for word, count in zip(words, found, strict=False) if count <= _SELDOM]
    return few or words


def _are_few(wanted: RunFilter) -> bool:
    """Tell whether so few runs can be meant that the words of each are looked at."""
    has_not_ended = bool(wanted.statuses) and set(wanted.statuses) <= set(ACTIVE)
    return has_not_ended or wanted.is_dead


def _has_words(
    words: Sequence[str], owner_id: UUID, *, is_sqlite: bool
) -> ColumnElement[bool]:
    """Return that a run has the words, in a way that no index is asked for."""
    if not is_sqlite:
        return func.ts_match_vq(col(RunTextRow.words), _vector(words, owner_id))
    kept = literal(" ") + col(RunTextRow.words)
    return and_(
        True,
        *(kept.contains(part) for part in beginnings(words, owner_id)),
    )


def _vector(words: Sequence[str], owner_id: UUID) -> Any:
    return cast(vector_query(words, owner_id), TSQUERY)
