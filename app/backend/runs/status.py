"""The only place that changes the status of a run; the change and its events are one write."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ScalarSelect
from sqlmodel import col, update

from app.backend.core import clock
from app.backend.core.db import Session
from app.backend.core.run_events import (
    STATUS_OF_END,
    Event,
    RunCompleted,
    RunFailed,
    RunStatus,
    RunStopped,
    RunTimedOut,
    TerminalEvent,
    UsageRecorded,
    level_of,
)
from app.backend.core.stored_events import RunEvent
from app.backend.core.texts import storable
from app.backend.runs import redaction
from app.backend.runs.event_rows import insert_events
from app.backend.runs.tables import RunRow
from app.backend.runs.words import add_error_words

# What may become what; a status that is not a key is the end.
TRANSITIONS: dict[RunStatus, frozenset[RunStatus]] = {
    RunStatus.QUEUED: frozenset(
        {
            # Queued once more, when its job was lost.
            RunStatus.QUEUED,
            RunStatus.RUNNING,
            RunStatus.STOPPED,
            RunStatus.FAILED,
        }
    ),
    RunStatus.RUNNING: frozenset(
        {
            RunStatus.QUEUED,
            RunStatus.WAITING,
            RunStatus.COMPLETED,
            RunStatus.FAILED,
            RunStatus.STOPPED,
            RunStatus.TIMED_OUT,
        }
    ),
    RunStatus.WAITING: frozenset(
        {
            RunStatus.QUEUED,
            RunStatus.RUNNING,
            RunStatus.STOPPED,
            RunStatus.FAILED,
            RunStatus.TIMED_OUT,
        }
    ),
}
ACTIVE = tuple(TRANSITIONS)


def sources_of(status: RunStatus) -> list[RunStatus]:
    """Return the statuses that may become `status`."""
    return [source for source, targets in TRANSITIONS.items() if status in targets]


async def change_status(
    session: Session,
    run_id: UUID | ScalarSelect[UUID],
    to: RunStatus,
    *,
    events: Sequence[Event | Callable[[RunRow], Event]] = (),
    epoch: int | None = None,
    values: dict[str, Any] | None = None,
) -> tuple[RunRow, list[RunEvent]] | None:
    """Change the status if the table allows it, and add `events` to the log, in the caller's transaction.

    The run may be named by a query for its id; an event may be a function of the row after the change.

    Returns:
        The row after the change and the stored events; None when the run has another status by now, or when
        `epoch` is given and no longer the run's.
    """
    # The engine acts on nobody's behalf: it knows the run by its id, and its epoch is the fence.
    query = update(RunRow).where(  # lint-skip: repo-scope
        col(RunRow.id) == run_id, col(RunRow.status).in_(sources_of(to))
    )
    if epoch is not None:
        query = query.where(col(RunRow.epoch) == epoch)
    changed = await session.exec(
        query.values(
            status=to, last_seq=col(RunRow.last_seq) + len(events), **(values or {})
        ).returning(RunRow),
        execution_options={"populate_existing": True, "synchronize_session": False},
    )
    row = changed.scalar_one_or_none()
    if row is None:
        return None
    made = [event(row) if callable(event) else event for event in events]
    return row, await add_events(
        session, row.id, row.owner_id, row.last_seq - len(made), made
    )


async def end_run(
    session: Session,
    run_id: UUID,
    event: TerminalEvent,
    *,
    cut: Sequence[UsageRecorded] = (),
    epoch: int | None = None,
    **values: Any,
) -> tuple[RunRow, list[RunEvent]] | None:
    """End the run with its terminal event, after calls that were `cut`; returns None when it has ended already.

    `ending.finish_run` does so for the engine: there is more to the end of a run than its row.
    """
    values |= {
        "completed_at": clock.now(),
        "lease_until": None,
        "question": None,
        "waits_for_id": None,
    }
    event = redaction.installed().redact(event)
    match event:
        case RunCompleted(output=output):
            values["output"] = output.model_dump(mode="json")
        case RunFailed(error=error, code=code) | RunTimedOut(reason=error, code=code):
            values |= {"error": storable(error), "error_code": code}
        case RunStopped(text=text) if text:
            values["output"] = {"answer": text, "is_answered": False}
        case RunStopped():
            pass
    to = STATUS_OF_END[event.type]
    ended = await change_status(
        session, run_id, to, events=[*cut, event], epoch=epoch, values=values
    )
    if ended is not None and ended[0].error:
        await add_error_words(session, ended[0])
    return ended


async def add_events(
    session: Session,
    run_id: UUID,
    owner_id: UUID,
    last_seq: int,
    events: Sequence[Event],
) -> list[RunEvent]:
    """Insert the events that follow `last_seq`; the caller has moved `run.last_seq` in this transaction."""
    stored, levels = number_events(run_id, last_seq, events)
    if stored:
        connection = await session.connection()
        await connection.run_sync(insert_events, owner_id, stored, levels)
    return stored


def number_events(
    run_id: UUID,
    last_seq: int,
    events: Sequence[Event],
    times: Sequence[datetime] = (),
) -> tuple[list[RunEvent], list[str]]:
    """Return the events that follow `last_seq` as they are stored, without secrets, and how much a reader should care about each."""
    times = times or [clock.now()] * len(events)
    stored = [
        RunEvent.of(run_id, seq, ts, event)
        for seq, (ts, event) in enumerate(
            zip(times, events, strict=True), start=last_seq + 1
        )
    ]
    levels = [level_of(event).value for event in events]
    return redaction.installed().redact_stored(stored), levels
