"""Runs that runs start: how one begins, in the transaction that lets the other one wait."""

from typing import Any

from app.backend.core import ids
from app.backend.core.children import ChildCall
from app.backend.core.db import Session
from app.backend.core.run_events import ChildStarted, RunQueued, RunStatus
from app.backend.core.stored_events import RunEvent
from app.backend.runs import list_repository
from app.backend.runs.days import count_begun
from app.backend.runs.ending import let_wait
from app.backend.runs.inputs import check_input
from app.backend.runs.line import job_of
from app.backend.runs.parts import EndParts
from app.backend.runs.status import add_events
from app.backend.runs.tables import RunRow

TRIGGER = "run"


async def wait_for_child(
    session: Session,
    row: RunRow,
    call: ChildCall,
    *,
    parts: EndParts,
    text: str,
    **values: Any,
) -> list[RunEvent] | None:
    """Start the run that `call` asks for, and let `row` wait for its end: both or neither; else as `let_wait` does."""
    child = _make_child(row, call)
    started = ChildStarted(
        run_id=child.id,
        agent_name=call.agent_name,
        tool_call_id=call.tool_call_id,
        question=call.question,
    )
    changed = await let_wait(
        session,
        row,
        started,
        parts=parts,
        text=text,
        waits_for_id=child.id,
        **values,
    )
    if changed is None:
        return None
    if changed[0].status == RunStatus.WAITING:
        await _begin(session, child, parts)
    return changed[1]


def _make_child(parent: RunRow, call: ChildCall) -> RunRow:
    """Return the row: it takes its parent's place in line, which that one leaves, so no limit counts it as one more."""
    return RunRow(
        id=ids.new_id(),
        owner_id=parent.owner_id,
        agent_id=call.agent_id,
        agent_name=call.agent_name,
        agent_owner_id=call.agent_owner_id,
        status=RunStatus.QUEUED,
        trigger=TRIGGER,
        correlation_id=parent.correlation_id,
        input=check_input({"query": call.question}),
        model=call.model,
        turn=parent.turn,
        parent_id=parent.id,
        root_id=parent.root_id,
        depth=parent.depth + 1,
        effect_key=call.key,
        last_seq=1,
    )


async def _begin(session: Session, child: RunRow, parts: EndParts) -> None:
    session.add(child)
    await session.flush()
    # Its tool has looked at the limit; here it is too late to refuse.
    await count_begun(session, child.owner_id, None)
    list_repository.add_marks(session, child)
    queued = RunQueued(trigger=TRIGGER, input=child.input)
    await add_events(session, child.id, child.owner_id, 0, [queued])
    await parts.outbox.add(session, job_of(child))
