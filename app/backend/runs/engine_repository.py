"""Queries of the engine: it works for every owner, and knows a run by its id and its epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

from sqlalchemy import Connection, Executable, bindparam, exists
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import aliased
from sqlmodel import and_, col, func, or_, select, update

from app.backend.core import clock
from app.backend.core.db import Session
from app.backend.core.run_context import SavedStep
from app.backend.core.run_events import RunStatus
from app.backend.core.stored_events import RunEvent
from app.backend.runs.repository import fetch
from app.backend.runs.schemas import RunView
from app.backend.runs.silence import Lease
from app.backend.runs.tables import CheckpointLinkRow, RunEventRow, RunRow

# Made once: a heartbeat asks it twice a second.
_STOP_REQUESTS = select(RunRow.id).where(  # lint-skip: repo-scope
    col(RunRow.id).in_(bindparam("runs", expanding=True)),
    col(RunRow.stop_requested_at).is_not(None),
)


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    run_id: UUID
    status: RunStatus
    last_seq: int


async def find_run(session: Session, run_id: UUID) -> RunRow | None:
    """Return a run, whoever owns it."""
    query = select(RunRow).where(col(RunRow.id) == run_id)  # lint-skip: repo-scope
    return (await session.exec(query)).first()


async def find_root_agent(session: Session, row: RunRow) -> UUID | None:
    """Return the agent of the first run of a run's tree; None when that is the run itself, or its agent is gone."""
    if row.root_id == row.id:
        return None
    root = await find_run(session, row.root_id)
    return root.agent_id if root else None


async def lock_run(session: Session, run_id: UUID) -> RunRow | None:
    """Return a run as it is now, and keep other writers off it until the commit."""
    query = (
        select(RunRow)  # lint-skip: repo-scope
        .where(col(RunRow.id) == run_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.exec(query)).first()


def renew_lease(
    connection: Connection, run_id: UUID, epoch: int, lease_until: datetime
) -> bool:
    """Keep a run; False when it is no longer this worker's."""
    changed = connection.execute(
        update(RunRow)  # lint-skip: repo-scope
        .where(
            col(RunRow.id) == run_id,
            col(RunRow.epoch) == epoch,
            col(RunRow.status) == RunStatus.RUNNING,
        )
        .values(lease_until=lease_until)
    )
    return changed.rowcount == 1


def list_stop_requests(connection: Connection, run_ids: Sequence[UUID]) -> set[UUID]:
    """Return those of the runs that are to stop."""
    return set(connection.execute(_STOP_REQUESTS, {"runs": run_ids}).scalars())


async def list_leases(session: Session) -> list[Lease]:
    """Return until when each running run is its worker's."""
    query = select(
        RunRow.id, RunRow.epoch, RunRow.lease_until
    ).where(  # lint-skip: repo-scope
        col(RunRow.status) == RunStatus.RUNNING
    )
    return [
        Lease(run_id, epoch, until)
        for run_id, epoch, until in await fetch(session, query)
        if until is not None
    ]


async def find_running(session: Session, *, worker: str) -> Sequence[RunRow]:
    """Return what a worker has claimed and not ended."""
    query = select(RunRow).where(  # lint-skip: repo-scope
        col(RunRow.status) == RunStatus.RUNNING, col(RunRow.worker) == worker
    )
    return (await session.exec(query)).all()


async def find_newest_step(session: Session, run_id: UUID) -> SavedStep | None:
    """Return the last checkpoint that the run's rows vouch for."""
    query = (
        select(CheckpointLinkRow)  # lint-skip: repo-scope
        .where(col(CheckpointLinkRow.run_id) == run_id)
        .order_by(
            col(CheckpointLinkRow.epoch).desc(),
            col(CheckpointLinkRow.checkpoint_id).desc(),
        )
        .limit(1)
    )
    row = (await session.exec(query)).first()
    if row is None:
        return None
    return to_step(row)


async def begin_at(
    session: Session, step: SavedStep, run: RunView, *, owner_id: UUID
) -> None:
    """Let a run that was queued in this transaction begin with a checkpoint of another one."""
    await add_steps(
        session,
        [step],
        run_id=run.id,
        owner_id=owner_id,
        epoch=0,
        thread_id=run.thread_id,
        agent_id=run.agent_id,
    )


def to_step(row: CheckpointLinkRow) -> SavedStep:
    """Return what a link says of its checkpoint."""
    return SavedStep(
        row.saver_thread, row.checkpoint_id, row.step, row.node, row.next_node
    )


async def add_steps(
    session: Session,
    steps: Sequence[SavedStep],
    *,
    run_id: UUID,
    owner_id: UUID,
    epoch: int,
    thread_id: UUID | None = None,
    agent_id: UUID | None = None,
) -> None:
    """Vouch for checkpoints; the caller's transaction has checked the epoch."""
    connection = await session.connection()
    await connection.run_sync(
        insert_steps,
        steps,
        run_id=run_id,
        owner_id=owner_id,
        epoch=epoch,
        thread_id=thread_id,
        agent_id=agent_id,
    )


def insert_steps(
    connection: Connection,
    steps: Sequence[SavedStep],
    *,
    run_id: UUID,
    owner_id: UUID,
    epoch: int,
    thread_id: UUID | None,
    agent_id: UUID | None,
) -> None:
    """Do what `add_steps` does, on a plain connection."""
    if not steps:
        return
    now = clock.now()
    rows = [
        {
            "run_id": run_id,
            "epoch": epoch,
            "checkpoint_id": step.checkpoint_id,
            "owner_id": owner_id,
            "thread_id": thread_id,
            "agent_id": agent_id,
            "saver_thread": step.saver_thread,
            "step": step.step,
            "node": step.node,
            "next_node": step.next_node,
            "created_at": now,
        }
        for step in steps
    ]
    # After a commit whose answer was lost they are there already.
    connection.execute(_insert_links(connection.dialect.name), rows)


def saver_thread(run_id: UUID, epoch: int) -> str:
    """Return where one claim of a run keeps its checkpoints."""
    return f"{run_id}:{epoch}"


async def find_unclaimed(
    session: Session, before: datetime, *, more_than: int, limit: int
) -> Sequence[RunRow]:
    """Return the oldest of the runs that are in line since before `before`: as many as there are more than `more_than`."""
    waiting = (
        col(RunRow.status) == RunStatus.QUEUED,
        col(RunRow.turn).is_not(None),
        col(RunRow.created_at) < before,
    )
    count = select(func.count()).select_from(RunRow).where(*waiting)
    missing = (await session.exec(count)).one() - more_than
    if missing <= 0:
        return []
    query = (
        select(RunRow)  # lint-skip: repo-scope
        .where(*waiting)
        .order_by(col(RunRow.turn), col(RunRow.id))
        .limit(min(missing, limit))
    )
    return (await session.exec(query)).all()


async def find_stranded(session: Session, *, limit: int) -> Sequence[RunRow]:
    """Return held runs that have nothing to wait for."""
    before = aliased(RunRow)
    goes_on = exists().where(
        col(before.thread_id) == col(RunRow.thread_id),
        or_(
            col(before.status).in_((RunStatus.RUNNING, RunStatus.WAITING)),
            and_(col(before.status) == RunStatus.QUEUED, col(before.turn).is_not(None)),
        ),
    )
    query = (
        select(RunRow)  # lint-skip: repo-scope
        .where(
            col(RunRow.status) == RunStatus.QUEUED,
            col(RunRow.turn).is_(None),
            ~goes_on,
        )
        .order_by(col(RunRow.id))
        .limit(limit)
    )
    return (await session.exec(query)).all()


async def find_progress(
    session: Session, run_ids: Sequence[UUID]
) -> dict[UUID, Progress]:
    """Return how far each of the runs is; those that are gone are left out."""
    query = select(
        RunRow.id, RunRow.status, RunRow.last_seq
    ).where(  # lint-skip: repo-scope
        col(RunRow.id).in_(run_ids)
    )
    return {
        row[0]: Progress(row[0], RunStatus(row[1]), row[2])
        for row in await fetch(session, query)
    }


async def list_events_after(
    session: Session, run_id: UUID, after: int, *, limit: int
) -> list[RunEvent]:
    """Return the next events of a run; who may follow it was checked before."""
    event = RunEventRow
    query = (
        select(event.seq, event.ts, event.type, event.payload)  # lint-skip: repo-scope
        .where(col(event.run_id) == run_id, col(event.seq) > after)
        .order_by(col(event.seq))
        .limit(limit)
    )
    # Columns, not objects of the ORM: a viewer waits for a thousand events when a log is opened.
    return [
        RunEvent(run_id=run_id, seq=seq, ts=ts, type=type_, payload=payload)
        for seq, ts, type_, payload in await fetch(session, query)
    ]


async def list_events_of(
    session: Session,
    run_id: UUID,
    types: Sequence[str],
    *,
    after: int = 0,
    before: int | None = None,
) -> list[RunEvent]:
    """Return all events of some types in a stretch of a run's log, oldest first."""
    event = RunEventRow
    query = (
        select(event.seq, event.ts, event.type, event.payload)  # lint-skip: repo-scope
        .where(
            col(event.run_id) == run_id,
            col(event.type).in_(types),
            col(event.seq) > after,
        )
        .order_by(col(event.seq))
    )
    if before is not None:
        query = query.where(col(event.seq) < before)
    return [
        RunEvent(run_id=run_id, seq=seq, ts=ts, type=type_, payload=payload)
        for seq, ts, type_, payload in await fetch(session, query)
    ]


async def find_times(
    session: Session, run_id: UUID, seqs: Sequence[int]
) -> dict[int, datetime]:
    """Return when these events of a run happened."""
    query = select(RunEventRow.seq, RunEventRow.ts).where(  # lint-skip: repo-scope
        col(RunEventRow.run_id) == run_id, col(RunEventRow.seq).in_(seqs)
    )
    return dict(await fetch(session, query))


@cache
def _insert_links(dialect: str) -> Executable:
    insert = sqlite_insert if dialect == "sqlite" else postgres_insert
    return insert(CheckpointLinkRow).on_conflict_do_nothing()
