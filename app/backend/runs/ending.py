"""How a run leaves its worker: it ends, with its answer and the start of what waited for it, waits, or goes back into line."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.backend.core import clock, masking
from app.backend.core.actor import Actor
from app.backend.core.db import Session, after_commit
from app.backend.core.errors import NotFound
from app.backend.core.run_events import (
    ChildCompleted,
    Event,
    RunCompleted,
    RunStatus,
    RunStopped,
    TerminalEvent,
    UsageRecorded,
)
from app.backend.core.stored_events import RunEvent
from app.backend.runs import engine_repository
from app.backend.runs.conversation import release_next
from app.backend.runs.cut_calls import record_cut_calls
from app.backend.runs.line import job_of
from app.backend.runs.live import publish_after_commit, signal_stop
from app.backend.runs.parts import EndParts
from app.backend.runs.status import change_status, end_run
from app.backend.runs.tables import RunRow
from app.backend.threads import service as threads
from app.backend.threads.schemas import MessageRole

CHILD_ENDED = "The run that it waited for has ended."


async def finish_run(
    session: Session,
    row: RunRow,
    event: TerminalEvent,
    *,
    parts: EndParts,
    epoch: int | None = None,
    text: str = "",
    answer_as: Actor | None = None,
    cut: Sequence[UsageRecorded] = (),
    **values: Any,
) -> tuple[RunRow, list[RunEvent]] | None:
    """End a run, add its answer to the conversation, and let the next one begin; None when it has ended already.

    `cut` are calls of models that its worker could not report. A stop that was asked for before wins: the run is stopped, with the `text` that came so far, whatever `event` says.
    What it started and waits for is stopped with it; the run that waits for this one goes on.
    """
    now = await hold_run(session, row)
    child_id = now.waits_for_id if now else None
    if now is not None and now.stop_requested_at is not None:
        event = _as_stopped(event, text)
    ended = await end_run(session, row.id, event, cut=cut, epoch=epoch, **values)
    if ended is None:
        return None
    row = ended[0]
    await record_cut_calls(session, row, ended[1], redis=parts.redis)
    if answer_as is not None and not row.is_taken_back:
        await _add_answer(session, answer_as, row, event)
    await release_next(session, row.thread_id, parts.outbox)
    if child_id is not None:
        await _stop_child(session, child_id, parts)
    if row.parent_id is not None:
        await wake_parent(session, row.parent_id, row, parts)
    return ended


async def stop_held(session: Session, row: RunRow, parts: EndParts) -> None:
    """Stop a run that the caller holds: at once when no worker has it, otherwise its worker ends it within a second."""
    if row.status in {RunStatus.QUEUED, RunStatus.WAITING}:
        ended = await finish_run(session, row, RunStopped(), parts=parts)
        if ended is not None:
            publish_after_commit(session, parts.redis, row.id, ended[1])
    elif row.status == RunStatus.RUNNING:
        row.stop_requested_at = row.stop_requested_at or clock.now()
        session.add(row)
        await session.flush()
        run_id = row.id
        after_commit(session, lambda: signal_stop(parts.redis, run_id))


async def wake_parent(
    session: Session, parent_id: UUID, child: RunRow | None, parts: EndParts
) -> bool:
    """Queue a run that waits for a child that has ended, or is gone; False when it does not. The caller holds its tree."""
    parent = await engine_repository.lock_run(session, parent_id)
    if parent is None or parent.status != RunStatus.WAITING:
        return False
    if child is not None and parent.waits_for_id != child.id:
        return False
    changed = await change_status(
        session,
        parent.id,
        RunStatus.QUEUED,
        epoch=parent.epoch,
        events=[_completed(child)] if child else [],
        values={
            "dispatch": parent.dispatch + 1,
            "waits_for_id": None,
            "interruption": CHILD_ENDED,
        },
    )
    if changed is None:
        return False
    await parts.outbox.add(session, job_of(changed[0]))
    publish_after_commit(session, parts.redis, parent.id, changed[1])
    return True


async def let_wait(
    session: Session,
    row: RunRow,
    event: Event,
    *,
    parts: EndParts,
    text: str,
    **values: Any,
) -> tuple[RunRow, list[RunEvent]] | None:
    """Let a running run wait: it gives up its lease, and no attempt is used up. None when it is not this claim's.

    A run that was asked to stop is stopped instead, with the `text` that came so far.
    """
    now = await hold_run(session, row)
    if now is not None and now.stop_requested_at is not None:
        return await finish_run(
            session, row, RunStopped(text=text), parts=parts, epoch=row.epoch
        )
    return await change_status(
        session,
        row.id,
        RunStatus.WAITING,
        epoch=row.epoch,
        events=[event],
        values={
            "lease_until": None,
            "worker": "",
            "attempt": row.attempt - 1,
            **values,
        },
    )


async def put_back(
    session: Session,
    row: RunRow,
    *,
    parts: EndParts,
    text: str = "",
    cut: Sequence[UsageRecorded] = (),
    **values: Any,
) -> tuple[RunRow, list[RunEvent]] | None:
    """Queue a run again, at the place in line that it had; None when it is somebody else's by now.

    `cut` are calls of models that its worker could not report. A run that was asked to stop is stopped instead, with
    the `text` that came so far.
    """
    now = await hold_run(session, row)
    if now is not None and now.stop_requested_at is not None:
        return await finish_run(
            session, row, RunStopped(text=text), parts=parts, epoch=row.epoch, cut=cut
        )
    changed = await change_status(
        session,
        row.id,
        RunStatus.QUEUED,
        epoch=row.epoch,
        events=cut,
        values={
            "dispatch": row.dispatch + 1,
            "lease_until": None,
            "worker": "",
            **values,
        },
    )
    if changed is not None:
        await record_cut_calls(session, *changed, redis=parts.redis)
        await parts.outbox.add(session, job_of(changed[0]))
    return changed


async def hold_run(session: Session, row: RunRow) -> RunRow | None:
    """Keep others off a run, its conversation and its tree until the commit; returns it as it is now.

    Always in this order, or two transactions could wait for each other: an end goes up a tree, a stop goes down.
    """
    await lock_conversation(session, row.thread_id)
    if row.parent_id is not None:
        await engine_repository.lock_run(session, row.root_id)
    return await engine_repository.lock_run(session, row.id)


async def lock_conversation(session: Session, thread_id: UUID | None) -> None:
    """Keep other starts and ends out of a conversation until the commit."""
    if thread_id is not None:
        await threads.lock_thread(session, thread_id=thread_id)


async def _stop_child(session: Session, child_id: UUID, parts: EndParts) -> None:
    child = await engine_repository.lock_run(session, child_id)
    if child is not None:
        await stop_held(session, child, parts)


def _completed(child: RunRow) -> ChildCompleted:
    took = (child.completed_at or clock.now()) - child.created_at
    return ChildCompleted(
        run_id=child.id,
        agent_name=child.agent_name,
        status=RunStatus(child.status),
        tokens_in=child.tokens_in,
        tokens_out=child.tokens_out,
        milliseconds=round(took.total_seconds() * 1000, 1),
    )


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
            content=masking.mask_said(text),
        )
    except NotFound:
        # A conversation that was deleted meanwhile needs no answer; the run keeps its output.
        return
