"""How a run is stopped, in every state."""

from app.backend.core import clock
from app.backend.core.db import Session, after_commit
from app.backend.core.run_events import RunStatus, RunStopped
from app.backend.runs import engine_repository
from app.backend.runs.ending import finish_run, lock_conversation
from app.backend.runs.live import publish_after_commit, signal_stop
from app.backend.runs.parts import RunParts
from app.backend.runs.tables import RunRow


async def stop_row(session: Session, row: RunRow, parts: RunParts) -> RunRow:
    """Stop a run: at once when no worker has it, otherwise its worker ends it within a second.

    A run that has ended stays as it is.
    """
    await lock_conversation(session, row.thread_id)
    row = await engine_repository.lock_run(session, row.id) or row
    if row.status in {RunStatus.QUEUED, RunStatus.WAITING}:
        ended = await finish_run(session, row, RunStopped(), outbox=parts.outbox)
        if ended is not None:
            publish_after_commit(session, parts.redis, row.id, ended[1])
    elif row.status == RunStatus.RUNNING:
        row.stop_requested_at = row.stop_requested_at or clock.now()
        session.add(row)
        await session.flush()
        after_commit(session, lambda: signal_stop(parts.redis, row.id))
    return row
