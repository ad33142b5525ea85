"""How a run begins: its row, its first events, its place in the conversation and its job are one transaction."""

from typing import Any
from uuid import UUID

from app.backend.agents.schemas import Concurrency, RunnableAgent
from app.backend.core import correlation, ids
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.run_events import Event, QueuePosition, RunQueued, RunStatus
from app.backend.identity import tiers
from app.backend.runs import conversation, list_repository
from app.backend.runs.agent_owner import other_owner
from app.backend.runs.days import count_begun
from app.backend.runs.ending import lock_conversation
from app.backend.runs.inputs import query_of
from app.backend.runs.line import check_load, job_of, read_load
from app.backend.runs.parts import RunParts
from app.backend.runs.schemas import RunDraft
from app.backend.runs.status import add_events
from app.backend.runs.stopping import stop_row
from app.backend.runs.tables import RunRow
from app.backend.threads import service as threads
from app.backend.threads.schemas import MessageRole

CONVERSATION = "this conversation"


async def begin_run(
    session: Session,
    actor: Actor,
    agent: RunnableAgent,
    given: dict[str, Any],
    draft: RunDraft,
    parts: RunParts,
) -> RunRow:
    """Add a run to the line, or hold it until the one before it in its conversation has ended.

    The caller lets one start at a time in.

    Raises:
        TooMany: there are as many runs as there may be, or its owner has begun as many today as they may.
        Conflict: the conversation has a run, and the agent takes one at a time.
    """
    before = await _make_room(session, actor, agent.concurrency, draft.thread_id, parts)
    # Those that were stopped to make room need none.
    load = await read_load(session, actor.user_id)
    limits = await tiers.limits_of(session, actor.user_id)
    check_load(load, parts.settings, limits)
    await count_begun(session, actor.user_id, limits.runs_per_day)
    turn = None if before else load.turn
    events: list[Event] = [RunQueued(trigger=draft.trigger, input=given)]
    if before:
        events.append(QueuePosition(part=CONVERSATION, position=before))
    row = await _add_row(session, actor, agent, given, draft, turn, len(events))
    if not before:
        await parts.outbox.add(session, job_of(row))
    await session.flush()
    await add_events(session, row.id, row.owner_id, 0, events)
    return row


async def _make_room(
    session: Session,
    actor: Actor,
    policy: Concurrency,
    thread_id: UUID | None,
    parts: RunParts,
) -> int:
    """Do as the agent says with the conversation's other runs; returns how many the new one has to wait for."""
    if thread_id is None:
        return 0
    await lock_conversation(session, thread_id)
    active = await conversation.list_active(session, actor, thread_id)
    conversation.check_may_start(policy, active)
    if policy in {Concurrency.INTERRUPT, Concurrency.ROLLBACK}:
        for row in active:
            if policy is Concurrency.ROLLBACK:
                await conversation.take_back(session, actor, row)
            await stop_row(session, row, parts)
        active = await conversation.list_active(session, actor, thread_id)
    return len(active)


async def _add_row(
    session: Session,
    actor: Actor,
    agent: RunnableAgent,
    given: dict[str, Any],
    draft: RunDraft,
    turn: int | None,
    last_seq: int,
) -> RunRow:
    query = query_of(given)
    thread_id = draft.thread_id
    if thread_id is None:
        thread = await threads.create_thread(
            session, actor, agent_id=agent.id, title=query
        )
        thread_id = thread.id
    row = new_row(actor, agent, given, draft, thread_id=thread_id)
    row.turn, row.last_seq = turn, last_seq
    session.add(row)
    await session.flush()
    list_repository.add_marks(session, row)
    message: Any = {"thread_id": thread_id, "run_id": row.id, "content": query}
    if draft.thread_id is None:
        threads.add_first_message(session, actor, **message)
    else:
        role = MessageRole.USER
        await threads.add_message(session, actor, role=role, **message)
    return row


def new_row(
    actor: Actor,
    agent: RunnableAgent,
    given: dict[str, Any],
    draft: RunDraft,
    *,
    thread_id: UUID,
) -> RunRow:
    """Return the row of a run that is asked for, before it has a place in the line."""
    return RunRow(
        owner_id=actor.user_id,
        agent_id=agent.id,
        agent_name=agent.name,
        agent_owner_id=other_owner(agent, actor.user_id),
        thread_id=thread_id,
        status=RunStatus.QUEUED,
        trigger=draft.trigger,
        correlation_id=correlation.current() or ids.new_id(),
        request_id=draft.request_id,
        origin_id=draft.origin_id,
        origin_step=draft.origin_step,
        instructions=draft.instructions,
        tags=draft.tags,
        input=given,
        model=agent.model,
    )
