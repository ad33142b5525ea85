"""What a filter of runs asks of a row, and of a run's place in time."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from app.backend.core import ids
from app.backend.core.run_events import RunStatus
from app.backend.runs.errors import WORKER_LOST
from app.backend.runs.schemas import RunFilter
from app.backend.runs.status import ACTIVE
from app.backend.runs.tables import RunRow, RunTagRow
from app.backend.runs.words import place_of

# Ids are made a moment before `created_at`.
_BEFORE = timedelta(seconds=1)


def terms_of(wanted: RunFilter) -> list[ColumnElement[bool]]:
    """Return what the filter asks of a run, but for tags and words."""
    terms: list[ColumnElement[bool]] = []
    if wanted.agent_id is not None:
        terms.append(col(RunRow.agent_id) == wanted.agent_id)
    if len(wanted.statuses) == 1:
        terms.append(col(RunRow.status) == wanted.statuses[0])
    elif has_all_ends(wanted):
        # Few have not ended: they are left out on the way, and the lists' other indexes are in order.
        left_out = [status for status in ACTIVE if status not in wanted.statuses]
        terms.append(col(RunRow.status).not_in(left_out))
    elif wanted.statuses:
        terms.append(col(RunRow.status).in_(wanted.statuses))
    if wanted.trigger:
        terms.append(col(RunRow.trigger) == wanted.trigger)
    if wanted.is_dead:
        terms.append(col(RunRow.error_code) == WORKER_LOST)
    if wanted.waits_for_run is not None:
        waits_for = col(RunRow.waits_for_id)
        terms.append(
            waits_for.is_not(None) if wanted.waits_for_run else waits_for.is_(None)
        )
    if wanted.since is not None:
        terms.append(col(RunRow.created_at) >= wanted.since)
    if wanted.until is not None:
        terms.append(col(RunRow.created_at) < wanted.until)
    return terms


def has_all_ends(wanted: RunFilter) -> bool:
    """Tell whether runs are meant whichever way they have ended."""
    return all(status in wanted.statuses for status in RunStatus if status.is_terminal)


def ids_between(
    run_id: Any, wanted: RunFilter, after: UUID | None
) -> list[ColumnElement[bool]]:
    """Return the times of the filter, and where the page begins, as bounds of a column of run ids: indexes end with it."""
    first, last = _bounds(wanted)
    terms = [run_id >= first] if first is not None else []
    return terms + [run_id < end for end in (last, after) if end is not None]


def places_between(
    place: Any, wanted: RunFilter, after: UUID | None
) -> list[ColumnElement[bool]]:
    """Return the same as bounds of a column of places."""
    first, last = _bounds(wanted)
    terms = [place >= place_of(first)] if first is not None else []
    return terms + [place < place_of(end) for end in (last, after) if end is not None]


def has_tags(owner_id: UUID, tags: Sequence[str]) -> list[ColumnElement[bool]]:
    """Return that an owner's run has all of the tags."""
    return [
        select(RunTagRow.tag)  # lint-skip: repo-scope - of a run that is the actor's
        .where(
            col(RunTagRow.owner_id) == owner_id,
            col(RunTagRow.tag) == tag,
            col(RunTagRow.run_id) == col(RunRow.id),
        )
        .correlate(RunRow)
        .exists()
        for tag in tags
    ]


def pair_of(tag: str, other: str) -> str:
    """Return what a run with both tags is found by; no tag has a line break."""
    return "\n".join(sorted((tag, other)))


def _bounds(wanted: RunFilter) -> tuple[UUID | None, UUID | None]:
    first = ids.first_id(wanted.since - _BEFORE) if wanted.since else None
    return first, ids.first_id(wanted.until) if wanted.until else None
