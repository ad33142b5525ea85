"""How a run leaves its worker: it ends, with its answer and the start of what waited for it, or it goes back into line."""

from typing import Any
from uuid import UUID

from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import NotFound
from app.backend.core.outbox import Outbox
from app.backend.core.run_events import (
    RunCompleted,
    RunEvent,
    RunStatus,
    RunStopped,
    TerminalEvent,
)
from app.backend.runs import engine_repository
from app.backend.runs.conversation import release_next
from app.backend.runs.line import job_of
from app.backend.runs.status import change_status, end_run
from app.backend.runs.tables import RunRow
from app.backend.threads import service as threads
from app.backend.threads.schemas import MessageRole


async def finish_run(
    session: Session,
    row: RunRow,
    event: TerminalEvent,
    *,
    outbox: Outbox,
    epoch: int | None = None,
    text: str = "",
    answer_as: Actor | None = None,
    **values: Any,
) -> tuple[RunRow, list[RunEvent]] | None:
    """End a run, add its answer to the conversation, and let the next one begin; None when it has ended already.

    A stop that was asked for before wins: the run is stopped, with the `text` that came so far, whatever `event` says.
    """
    # In this order everywhere, or two transactions could wait for each other.
    await lock_conversation(session, row.thread_id)
    now = await engine_repository.lock_run(session, row.id)
    if now is not None and now.stop_requested_at is not None:
        event = _as_stopped(event, text)
    ended = await end_run(session, row.id, event, epoch=epoch, **values)
    if ended is None:
        return None
    row = ended[0]
    if answer_as is not None and not row.is_taken_back:
        await _add_answer(session, answer_as, row, event)
    await release_next(session, row.thread_id, outbox)
    return ended


async def put_back(
    session: Session, row: RunRow, *, outbox: Outbox, text: str = "", **values: Any
) -> tuple[RunRow, list[RunEvent]] | None:
    """Queue a run again, at the place in line that it had; None when it is somebody else's by now.

    A run that was asked to stop is stopped instead, with the `text` that came so far.
    """
    await lock_conversation(session, row.thread_id)
    now = await engine_repository.lock_run(session, row.id)
    if now is not None and now.stop_requested_at is not None:
        return await finish_run(
            session, row, RunStopped(text=text), outbox=outbox, epoch=row.epoch
        )
    changed = await change_status(
        session,
        row.id,
        RunStatus.QUEUED,
        epoch=row.epoch,
        values={
            "dispatch": row.dispatch + 1,
            "lease_until": None,
            "worker": "",
            **values,
        },
    )
    if changed is not None:
        await outbox.add(session, job_of(changed[0]))
    return changed


async def lock_conversation(session: Session, thread_id: UUID | None) -> None:
    """Keep other starts and ends out of a conversation until the commit."""
    if thread_id is not None:
        await threads.lock_thread(session, thread_id=thread_id)


def _as_stopped(event: TerminalEvent, text: str) -> RunStopped:
    match event:
        case RunStopped():
            return event
        case RunCompleted(output=output):
            return RunStopped(text=output.answer)
        case _:
            return RunStopped(text=text)


async def _add_answer(
    session: Session, actor: Actor, row: RunRow, event: TerminalEvent
) -> None:
    match event:
        case RunCompleted(output=output):
            text = output.answer
        case RunStopped(text=text):
            pass
        case _:
            return
    if row.thread_id is None or not text:
        return
    try:
        await threads.add_message(
            session,
            actor,
            thread_id=row.thread_id,
            run_id=row.id,
            role=MessageRole.ASSISTANT,
            content=text,
        )
    except NotFound:
        # A conversation that was deleted meanwhile needs no answer; the run keeps its output.
        return
