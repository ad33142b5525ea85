"""Queries of runs and their events, for the people who own them."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Executable, Text, and_, cast, text
from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.rows import visible_to
from app.backend.core.run_events import Level, RunStatus
from app.backend.core.stored_events import RunEvent
from app.backend.runs.schemas import EventFilter, RunView
from app.backend.runs.tables import (
    IS_NO_MASS_LEVEL,
    IS_NO_MASS_TYPE,
    CheckpointLinkRow,
    RunEventRow,
    RunRow,
)

_LEVELS = list(Level)
_MASS_TYPES = {"message_delta", "reasoning_delta", "log"}
_MASS_LEVELS = {Level.DEBUG, Level.INFO}
_START_LOCK = 0x41_74_65_6C  # a number of our own among the database's advisory locks
_SHOWN: list[Any] = [
    *(
        col(getattr(RunRow, name))
        for name in RunView.model_fields
        if name in RunRow.model_fields
    ),
    col(RunRow.owner_id).label("created_by_user_id"),
    and_(col(RunRow.status) == RunStatus.QUEUED, col(RunRow.turn).is_(None)).label(
        "is_held"
    ),
]
_NAMES = [column.key for column in _SHOWN]
_EVENT = {name: col(getattr(RunEventRow, name)) for name in RunEvent.model_fields}


async def find_run(session: Session, actor: Actor, run_id: UUID) -> RunRow | None:
    """Return the run, if it is the actor's."""
    query = visible_to(actor, RunRow).where(col(RunRow.id) == run_id)
    return (await session.exec(query)).first()


async def find_request(
    session: Session, actor: Actor, request_id: UUID
) -> RunRow | None:
    """Return the run that the client asked for with this id."""
    query = visible_to(actor, RunRow).where(col(RunRow.request_id) == request_id)
    return (await session.exec(query)).first()


async def find_requests(
    session: Session, actor: Actor, request_ids: Sequence[UUID]
) -> dict[UUID | None, RunRow]:
    """Return the runs that the client asked for with these ids."""
    query = visible_to(actor, RunRow).where(col(RunRow.request_id).in_(request_ids))
    return {row.request_id: row for row in (await session.exec(query)).all()}


async def list_thread_runs(
    session: Session, actor: Actor, thread_id: UUID, *, limit: int
) -> Sequence[RunRow]:
    """Return the runs of a conversation, newest first."""
    query = (
        visible_to(actor, RunRow)
        .where(col(RunRow.thread_id) == thread_id)
        .order_by(col(RunRow.id).desc())
        .limit(limit)
    )
    return (await session.exec(query)).all()


def is_alone(session: Session) -> bool:
    """Tell whether nobody else writes until the transaction ends: so it is on SQLite."""
    return session.get_bind().dialect.name == "sqlite"


async def begin_start(session: Session) -> None:
    """Let one start at a time count the active runs until its transaction ends."""
    if not is_alone(session):
        await session.exec(select(func.pg_advisory_xact_lock(_START_LOCK)))


async def list_events(
    session: Session,
    actor: Actor,
    run_id: UUID,
    wanted: EventFilter,
    *,
    limit: int,
    window: tuple[int, int] | None = None,
) -> list[RunEvent]:
    """Return up to `limit` events: rising from `after`, else falling from `before` or from the end, within a window."""
    query = _events_like(actor, run_id, wanted)
    if wanted.text:
        payload = func.lower(cast(RunEventRow.payload, Text))
        query = query.where(payload.contains(part_of(wanted), autoescape=True))
    if window is not None:
        query = query.where(col(RunEventRow.seq).between(*window))
    return await _fetch_events(session, query.limit(limit))


def part_of(wanted: EventFilter) -> str:
    """Return the text that is looked for as it stands in JSON, in small letters."""
    return json.dumps(wanted.text.lower(), ensure_ascii=False)[1:-1]


async def list_payloads(
    session: Session, actor: Actor, run_id: UUID, wanted: EventFilter, *, limit: int
) -> list[tuple[int, str]]:
    """Return up to `limit` events as `seq` and JSON, in the order of `list_events`, whatever their text."""
    query = _events_like(actor, run_id, wanted).with_only_columns(
        col(RunEventRow.seq), cast(RunEventRow.payload, Text)
    )
    found = await fetch(session, query.limit(limit))
    return [(seq, payload) for seq, payload in found]


async def list_events_at(
    session: Session, actor: Actor, run_id: UUID, seqs: Sequence[int]
) -> list[RunEvent]:
    """Return the events with these `seq`, rising."""
    query = _events_of(actor, run_id).where(col(RunEventRow.seq).in_(seqs))
    return await _fetch_events(session, query.order_by(col(RunEventRow.seq).asc()))


def _events_like(
    actor: Actor, run_id: UUID, wanted: EventFilter
) -> SelectOfScalar[RunEventRow]:
    """Return the query of what a filter keeps, whatever its text: rising after `after`, else falling."""
    query = _events_of(actor, run_id)
    if wanted.types:
        query = query.where(col(RunEventRow.type).in_(wanted.types))
        if _MASS_TYPES.isdisjoint(wanted.types):
            query = query.where(text(IS_NO_MASS_TYPE))
    if wanted.level is not None:
        levels = _LEVELS[_LEVELS.index(wanted.level) :]
        query = query.where(col(RunEventRow.level).in_(levels))
        if _MASS_LEVELS.isdisjoint(levels):
            query = query.where(text(IS_NO_MASS_LEVEL))
    if wanted.since is not None:
        query = query.where(col(RunEventRow.ts) >= wanted.since)
    if wanted.until is not None:
        query = query.where(col(RunEventRow.ts) <= wanted.until)
    if wanted.before is not None:
        query = query.where(col(RunEventRow.seq) < wanted.before)
    if wanted.after is not None:
        query = query.where(col(RunEventRow.seq) > wanted.after)
    is_rising = wanted.after is not None
    order = col(RunEventRow.seq).asc() if is_rising else col(RunEventRow.seq).desc()
    return query.order_by(order)


async def list_links(
    session: Session, actor: Actor, run_id: UUID
) -> Sequence[CheckpointLinkRow]:
    """Return the checkpoints of a run that count, in the order in which they were stored."""
    link = CheckpointLinkRow
    query = (
        select(link)
        .where(col(link.run_id) == run_id, _is_visible(actor, run_id))
        .order_by(col(link.epoch), col(link.checkpoint_id))
    )
    return (await session.exec(query)).all()


async def list_newest_links(
    session: Session, actor: Actor, thread_id: UUID, *, limit: int
) -> Sequence[CheckpointLinkRow]:
    """Return the last checkpoints of a conversation, newest first."""
    owned = visible_to(actor, RunRow).where(col(RunRow.thread_id) == thread_id)
    link = CheckpointLinkRow
    query = (
        select(link)
        .where(
            col(link.thread_id) == thread_id,
            col(link.run_id).in_(owned.with_only_columns(col(RunRow.id))),
        )
        .order_by(
            col(link.run_id).desc(),
            col(link.epoch).desc(),
            col(link.checkpoint_id).desc(),
        )
        .limit(limit)
    )
    return (await session.exec(query)).all()


async def count_events(
    session: Session, actor: Actor, run_id: UUID, *, stretch: int
) -> Sequence[Any]:
    """Return how many events of each type and level each `stretch` of neighbours has, and when they were written."""
    which = (col(RunEventRow.seq) - 1) // stretch
    query = _events_of(actor, run_id).with_only_columns(
        col(RunEventRow.type),
        col(RunEventRow.level),
        func.count().label("size"),
        func.min(col(RunEventRow.ts)).label("since"),
        func.max(col(RunEventRow.ts)).label("until"),
    )
    return await fetch(
        session, query.group_by(which, col(RunEventRow.type), col(RunEventRow.level))
    )


async def _fetch_events(
    session: Session, query: SelectOfScalar[RunEventRow]
) -> list[RunEvent]:
    found = await fetch(session, query.with_only_columns(*_EVENT.values()))
    return [
        RunEvent.model_validate(dict(zip(_EVENT, row, strict=True))) for row in found
    ]


async def fetch_shown(
    session: Session, query: SelectOfScalar[RunRow]
) -> list[dict[str, Any]]:
    """Return what lists show of the runs of a query: making objects of rows, and views of these, takes twice as long."""
    found = await fetch(session, query.with_only_columns(*_SHOWN))
    return [dict(zip(_NAMES, row, strict=True)) for row in found]


async def fetch(
    session: Session, query: Executable, values: dict[str, Any] | None = None
) -> Sequence[Any]:
    """Return the rows of a query of single columns, with `values` for what it leaves open."""
    # SQLModel's `exec` knows whole tables only; what `execute` warns of is meant for those.
    connection = await session.connection()
    return (await connection.execute(query, values)).all()


def _events_of(actor: Actor, run_id: UUID) -> SelectOfScalar[RunEventRow]:
    return select(
        RunEventRow
    ).where(  # lint-skip: repo-scope - of a run that is the actor's
        col(RunEventRow.run_id) == run_id, _is_visible(actor, run_id)
    )


def _is_visible(actor: Actor, run_id: UUID) -> ColumnElement[bool]:
    # Asked once, not for each row; where ids are looked for in a list, SQLite may read the events of all runs.
    return visible_to(actor, RunRow).where(col(RunRow.id) == run_id).exists()
