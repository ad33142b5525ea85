"""Queries of the engine: it works for every owner, and knows a run by its id and its epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import col, delete, select, update

from app.backend.core.db import Session
from app.backend.core.outbox import OutboxRow
from app.backend.core.run_context import SavedStep
from app.backend.core.run_events import TERMINAL, RunEvent, RunStatus
from app.backend.runs.repository import fetch
from app.backend.runs.tables import CheckpointLinkRow, RunEventRow, RunRow


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


async def renew_lease(
    session: Session, run_id: UUID, epoch: int, lease_until: datetime
) -> bool:
    """Keep a run; False when it is no longer this worker's."""
    changed = await session.exec(
        update(RunRow)  # lint-skip: repo-scope
        .where(
            col(RunRow.id) == run_id,
            col(RunRow.epoch) == epoch,
            col(RunRow.status) == RunStatus.RUNNING,
        )
        .values(lease_until=lease_until)
    )
    return changed.rowcount == 1


async def is_stop_requested(session: Session, run_id: UUID) -> bool:
    """Tell whether its owner wants the run to stop."""
    query = select(RunRow.stop_requested_at).where(  # lint-skip: repo-scope
        col(RunRow.id) == run_id
    )
    return (await session.exec(query)).first() is not None


async def find_lost(session: Session, now: datetime, *, limit: int) -> Sequence[RunRow]:
    """Return running runs whose worker has been silent for too long."""
    query = (
        select(RunRow)  # lint-skip: repo-scope
        .where(col(RunRow.status) == RunStatus.RUNNING, col(RunRow.lease_until) < now)
        .limit(limit)
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
    return SavedStep(row.saver_thread, row.checkpoint_id, row.step)


async def add_step(
    session: Session, step: SavedStep, *, run_id: UUID, owner_id: UUID, epoch: int
) -> None:
    """Vouch for a checkpoint; the caller's transaction has checked the epoch."""
    # Merged: after a commit whose answer was lost it is there already.
    await session.merge(
        CheckpointLinkRow(
            run_id=run_id,
            epoch=epoch,
            checkpoint_id=step.checkpoint_id,
            owner_id=owner_id,
            saver_thread=step.saver_thread,
            step=step.step,
        )
    )


async def find_stale_steps(
    session: Session, before: datetime, *, limit: int
) -> Sequence[UUID]:
    """Return runs that ended before `before` and still have checkpoints."""
    query = (
        select(RunRow.id)  # lint-skip: repo-scope
        .join(CheckpointLinkRow, col(CheckpointLinkRow.run_id) == col(RunRow.id))
        .where(col(RunRow.status).in_(TERMINAL), col(RunRow.completed_at) < before)
        .distinct()
        .limit(limit)
    )
    return (await session.exec(query)).all()


async def list_saver_threads(session: Session, run_id: UUID) -> set[str]:
    """Return where the checkpoints of a run lie, without those of the run that it was resumed from."""
    query = select(CheckpointLinkRow.saver_thread).where(  # lint-skip: repo-scope
        col(CheckpointLinkRow.run_id) == run_id, col(CheckpointLinkRow.epoch) > 0
    )
    return set((await session.exec(query)).all())


async def delete_steps(session: Session, run_id: UUID) -> None:
    """Vouch for no checkpoint of a run any more."""
    await session.exec(
        delete(CheckpointLinkRow).where(  # lint-skip: repo-scope
            col(CheckpointLinkRow.run_id) == run_id
        )
    )


def saver_thread(run_id: UUID, epoch: int) -> str:
    """Return where one claim of a run keeps its checkpoints."""
    return f"{run_id}:{epoch}"


async def find_unclaimed(
    session: Session, before: datetime, *, limit: int
) -> Sequence[RunRow]:
    """Return queued runs from before `before`, oldest first, whose job has left the outbox."""
    query = (
        select(RunRow)  # lint-skip: repo-scope
        .where(
            col(RunRow.status) == RunStatus.QUEUED,
            col(RunRow.created_at) < before,
        )
        .order_by(col(RunRow.id))
        .limit(limit)
    )
    rows = (await session.exec(query)).all()
    held = set((await session.exec(select(OutboxRow.subject_id))).all())
    return [row for row in rows if str(row.id) not in held]


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
