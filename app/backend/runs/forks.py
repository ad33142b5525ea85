"""Forks: runs that go on after a step of another run, with another question or other instructions."""

from typing import Any
from uuid import UUID

from app.backend.core.db import Session
from app.backend.core.run_context import SavedStep
from app.backend.runs import engine_repository
from app.backend.runs.inputs import query_of
from app.backend.runs.tables import RunRow

# Forks of forks; beyond it a conversation shows some turns twice, nothing worse.
_DEPTH_MAX = 20


def changes_of_fork(row: RunRow, step: SavedStep | None) -> dict[str, Any] | None:
    """Return what a fork changes in the state that it begins with; None for what only goes on."""
    if row.origin_step is None or step is None:
        return None
    # Once it has a step of its own, a further attempt goes on after that one like any other.
    if is_own(row, step):
        return None
    return {"query": query_of(row.input)}


def is_own(row: RunRow, step: SavedStep) -> bool:
    """Tell whether a run made a step itself, or began with it."""
    return step.saver_thread.startswith(str(row.id))


async def forked_from(session: Session, row: RunRow) -> UUID:
    """Return the run whose place in the conversation this one takes: its own, or that of the run it is a fork of."""
    for _ in range(_DEPTH_MAX):
        if row.origin_step is None or row.origin_id is None:
            break
        origin = await engine_repository.find_run(session, row.origin_id)
        if origin is None or origin.thread_id != row.thread_id:
            break
        row = origin
    return row.id
