"""Queries of runs that runs started."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import aliased
from sqlmodel import col, func, or_, select

from app.backend.core.actor import Actor
from app.backend.core.children import ChildEnd
from app.backend.core.db import Session
from app.backend.core.rows import visible_to
from app.backend.core.run_events import TERMINAL, RunStatus
from app.backend.runs.tables import RunRow, ToolEffectRow


async def list_tree(
    session: Session, actor: Actor, root_id: UUID, *, limit: int | None = None
) -> Sequence[RunRow]:
    """Return the runs of a tree in the order in which they were started, the root first."""
    # First the ids, by the index of trees: with the owner in it SQLite goes through all runs of theirs.
    ids = select(RunRow.id).where(_is_in_tree(root_id))  # lint-skip: repo-scope
    found = (await session.exec(ids.order_by(col(RunRow.id)).limit(limit))).all()
    query = visible_to(actor, RunRow).where(col(RunRow.id).in_(found))
    query = query.order_by(col(RunRow.id))
    return (await session.exec(query)).all()


async def count_tree(session: Session, root_id: UUID) -> int:
    """Return how many runs a tree has, the root included."""
    query = select(func.count()).where(_is_in_tree(root_id))  # lint-skip: repo-scope
    return (await session.exec(query)).one()


async def list_ends(session: Session, run_id: UUID) -> dict[str, ChildEnd]:
    """Return how those runs ended that the calls of a run started, by the key of the call.

    A run that goes on from another one has the keys of that one's calls: it uses what completed then, and starts the
    others once more.
    """
    keys = select(ToolEffectRow.key).where(  # lint-skip: repo-scope
        col(ToolEffectRow.run_id) == run_id
    )
    query = (
        select(RunRow)  # lint-skip: repo-scope - the run is the engine's
        .where(
            col(RunRow.parent_id).is_not(None),
            col(RunRow.effect_key).in_(keys),
            or_(
                col(RunRow.parent_id) == run_id,
                col(RunRow.status) == RunStatus.COMPLETED,
            ),
            col(RunRow.status).in_(TERMINAL),
        )
        .order_by(col(RunRow.id))
    )
    found = (await session.exec(query)).all()
    # Its own counts, whatever became of it; of the others the newest.
    ordered = sorted(found, key=lambda row: row.parent_id == run_id)
    return {
        row.effect_key: _end(row, is_own=row.parent_id == run_id)
        for row in ordered
        if row.effect_key
    }


async def find_child(session: Session, row: RunRow) -> RunRow | None:
    """Return the run that `row` waits for."""
    query = select(RunRow).where(  # lint-skip: repo-scope
        col(RunRow.id) == row.waits_for_id
    )
    return (await session.exec(query)).first()


async def find_forgotten(session: Session, *, limit: int) -> Sequence[RunRow]:
    """Return runs that wait for one that has ended, or is gone."""
    child = aliased(RunRow)
    query = (
        select(RunRow)  # lint-skip: repo-scope
        .join(child, col(child.id) == col(RunRow.waits_for_id), isouter=True)
        .where(
            col(RunRow.status) == RunStatus.WAITING,
            col(RunRow.waits_for_id).is_not(None),
            or_(col(child.id).is_(None), col(child.status).in_(TERMINAL)),
        )
        .order_by(col(RunRow.turn), col(RunRow.id))
        .limit(limit)
    )
    return (await session.exec(query)).all()


def _is_in_tree(root_id: UUID):  # noqa: ANN202 - SQLAlchemy's own type has no short name
    # The index of trees holds only runs that others started.
    below = (col(RunRow.root_id) == root_id) & col(RunRow.parent_id).is_not(None)
    return (col(RunRow.id) == root_id) | below


def _end(row: RunRow, *, is_own: bool) -> ChildEnd:
    output = row.output or {}
    return ChildEnd(
        run_id=row.id,
        key=row.effect_key or "",
        agent_name=row.agent_name,
        status=RunStatus(row.status),
        answer=str(output.get("answer", "")),
        caveat=str(output.get("caveat", "")),
        error=row.error,
        is_own=is_own,
    )
