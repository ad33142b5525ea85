"""Queries of what tools did and persons answered, for the engine: it knows a run by its id and its epoch."""

from uuid import UUID

from sqlmodel import col, select, update

from app.backend.core.db import Session
from app.backend.core.questions import Answer
from app.backend.core.run_events import RunStatus
from app.backend.runs.tables import RunAnswerRow, RunRow, ToolEffectRow


async def hold_run(session: Session, run_id: UUID, epoch: int) -> bool:
    """Keep others from claiming the run until the commit; False when it is no longer this worker's."""
    changed = await session.exec(
        update(RunRow)  # lint-skip: repo-scope
        .where(
            col(RunRow.id) == run_id,
            col(RunRow.epoch) == epoch,
            col(RunRow.status) == RunStatus.RUNNING,
        )
        .values(epoch=epoch)
    )
    return changed.rowcount == 1


async def find_effect(
    session: Session, run_id: UUID, place: str
) -> ToolEffectRow | None:
    """Return what the ledger has of a call."""
    query = select(ToolEffectRow).where(  # lint-skip: repo-scope
        col(ToolEffectRow.run_id) == run_id, col(ToolEffectRow.place) == place
    )
    return (await session.exec(query)).first()


async def copy_effects(session: Session, source_id: UUID, run_id: UUID) -> None:
    """Let a run that goes on from another one know what that one did."""
    query = select(ToolEffectRow).where(  # lint-skip: repo-scope
        col(ToolEffectRow.run_id) == source_id
    )
    for row in (await session.exec(query)).all():
        values = row.model_dump(exclude={"id", "created_at", "run_id", "epoch"})
        session.add(ToolEffectRow(run_id=run_id, epoch=0, **values))


async def list_answers(session: Session, run_id: UUID) -> dict[str, Answer]:
    """Return what persons answered the run, by the id of the question."""
    query = select(RunAnswerRow).where(  # lint-skip: repo-scope
        col(RunAnswerRow.run_id) == run_id
    )
    return {
        row.question_id: Answer.model_validate(row.answer)
        for row in (await session.exec(query)).all()
    }
