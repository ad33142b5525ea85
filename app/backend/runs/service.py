"""Runs as their owner starts, stops, repeats and reads them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy.exc import IntegrityError

from app.backend.agents import service as agents
from app.backend.agents.schemas import AgentView
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.db import Session, after_commit
from app.backend.core.errors import Conflict, NotFound, TooMany
from app.backend.core.jobs import Job, JobName
from app.backend.core.outbox import Outbox
from app.backend.core.paging import PAGE_SIZE, Page, parse_cursor, to_page
from app.backend.core.run_events import (
    RunEvent,
    RunQueued,
    RunStatus,
    RunStopped,
)
from app.backend.runs import engine_repository, repository, search
from app.backend.runs.inputs import check_input, query_of
from app.backend.runs.live import publish_after_commit, signal_stop
from app.backend.runs.schemas import (
    EventFilter,
    EventPage,
    RunCounts,
    RunDraft,
    RunView,
)
from app.backend.runs.status import add_events, end_run
from app.backend.runs.tables import RunRow
from app.backend.threads import service as threads
from app.backend.threads.schemas import MessageRole

RETRY_AFTER_SECONDS = 10
WORKER_LOST = "WORKER_LOST"
RESUMABLE = (RunStatus.FAILED, RunStatus.STOPPED, RunStatus.TIMED_OUT)
_DAY = timedelta(days=1)


async def start_run(
    session: Session,
    actor: Actor,
    *,
    agent_id: UUID,
    draft: RunDraft,
    outbox: Outbox,
    active_max: int,
) -> RunView:
    """Queue a run: its row, its first event, its thread and message, and its job are one transaction.

    A draft whose `request_id` was used before gives the run that it started then.

    Raises:
        NotFound: the agent or the thread is not there, or not the actor's.
        Invalid: the input has no usable `query`.
        Conflict: the agent is archived.
        TooMany: `active_max` runs, of all users together, are queued or running already.
    """
    if (twin := await _find_twin(session, actor, draft)) is not None:
        return _to_view(twin)
    given = check_input(draft.input)
    agent = await agents.get_agent(session, actor, agent_id=agent_id)
    if agent.archived_at is not None:
        message = f"The agent {agent.name!r} is archived. Restore it first."
        raise Conflict(message)
    if draft.thread_id is not None:
        await threads.get_thread(session, actor, thread_id=draft.thread_id)
    await repository.begin_start(session)
    if await repository.count_active(session) >= active_max:
        message = f"As many runs as this installation allows ({active_max:,}) are queued or running already. Wait for one to end, or stop one of yours."
        raise TooMany(message, retry_after=RETRY_AFTER_SECONDS)
    try:
        async with session.begin_nested():
            row = await _add_run(session, actor, agent, given, draft)
    except IntegrityError:
        # The other click of a double click was faster.
        row = await _find_twin(session, actor, draft)
        if row is None:
            raise
        return _to_view(row)
    await outbox.add(session, job_of(row))
    return _to_view(row)


async def stop_run(
    session: Session, actor: Actor, *, run_id: UUID, redis: Redis
) -> RunView:
    """Stop a run: at once when no worker has it, otherwise its worker ends it within a second.

    A run that has ended stays as it is, so that stopping twice does no harm.
    """
    row = await _need_run(session, actor, run_id)
    if row.status in {RunStatus.QUEUED, RunStatus.WAITING}:
        ended = await end_run(session, run_id, RunStopped(), epoch=row.epoch)
        if ended is not None:
            publish_after_commit(session, redis, run_id, ended[1])
            return _to_view(ended[0])
        await session.refresh(row)
    if row.status == RunStatus.RUNNING and row.stop_requested_at is None:
        row.stop_requested_at = clock.now()
        session.add(row)
        await session.flush()
    if row.status == RunStatus.RUNNING:
        after_commit(session, lambda: signal_stop(redis, run_id))
    return _to_view(row)


async def retry_run(
    session: Session,
    actor: Actor,
    *,
    run_id: UUID,
    outbox: Outbox,
    active_max: int,
    request_id: UUID | None = None,
) -> RunView:
    """Start a new run with the input of one that has ended; the old one stays as it is.

    Raises:
        Conflict: the run goes on, or its agent is deleted.
        TooMany: as for `start_run`.
    """
    row = await _need_run(session, actor, run_id)
    if not RunStatus(row.status).is_terminal:
        message = "This run has not ended. Stop it before you retry it."
        raise Conflict(message)
    if row.agent_id is None:
        message = f"The agent {row.agent_name!r} was deleted, so this run cannot be retried. Ask another agent."
        raise Conflict(message)
    draft = RunDraft(
        input=row.input,
        thread_id=row.thread_id,
        trigger=row.trigger,
        request_id=request_id,
        origin_id=row.id,
    )
    return await start_run(
        session,
        actor,
        agent_id=row.agent_id,
        draft=draft,
        outbox=outbox,
        active_max=active_max,
    )


async def resume_run(
    session: Session,
    actor: Actor,
    *,
    run_id: UUID,
    outbox: Outbox,
    active_max: int,
    request_id: UUID | None = None,
) -> RunView:
    """Start a new run that goes on after the last step of one that ended without completing.

    Raises:
        Conflict: the run goes on or is complete, its agent is deleted, or nothing of it is kept.
        TooMany: as for `start_run`.
    """
    row = await _need_run(session, actor, run_id)
    if row.status not in RESUMABLE:
        message = "Only a run that failed, was stopped or took too long can be resumed. Press Retry to ask again."
        raise Conflict(message)
    step = await engine_repository.find_newest_step(session, row.id)
    if step is None:
        message = (
            "Nothing of this run is kept to resume it from. Press Retry to begin anew."
        )
        raise Conflict(message)
    view = await retry_run(
        session,
        actor,
        run_id=run_id,
        outbox=outbox,
        active_max=active_max,
        request_id=request_id,
    )
    if await engine_repository.find_newest_step(session, view.id) is None:
        await engine_repository.add_step(
            session, step, run_id=view.id, owner_id=row.owner_id, epoch=0
        )
    return view


async def get_run(session: Session, actor: Actor, *, run_id: UUID) -> RunView:
    """Return a run."""
    return _to_view(await _need_run(session, actor, run_id))


async def list_runs(
    session: Session,
    actor: Actor,
    *,
    agent_id: UUID | None = None,
    status: RunStatus | Sequence[RunStatus] | None = None,
    is_dead: bool = False,
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
) -> Page[RunView]:
    """Return a page of runs, newest first; `is_dead` keeps those that lost as many workers as a run may."""
    statuses = [status] if isinstance(status, RunStatus) else list(status or ())
    rows = await repository.list_runs(
        session,
        actor,
        agent_id=agent_id,
        statuses=statuses,
        error_code=WORKER_LOST if is_dead else "",
        after=parse_cursor(cursor),
        limit=limit + 1,
    )
    return to_page([_to_view(row) for row in rows], limit)


async def list_thread_runs(
    session: Session, actor: Actor, *, thread_id: UUID, limit: int = PAGE_SIZE
) -> list[RunView]:
    """Return the newest runs of a conversation, oldest first."""
    await threads.get_thread(session, actor, thread_id=thread_id)
    rows = await repository.list_thread_runs(session, actor, thread_id, limit=limit)
    return [_to_view(row) for row in reversed(rows)]


async def list_events(
    session: Session,
    actor: Actor,
    *,
    run_id: UUID,
    filter: EventFilter,  # noqa: A002 - the word of every caller for it
) -> EventPage:
    """Return a stretch of a run's log: after a seq, before one, or its end."""
    await _need_run(session, actor, run_id)
    if search.needs_reading(filter):
        return await search.find_events(session, actor, run_id, filter)
    rows = await repository.list_events(
        session, actor, run_id, filter, limit=filter.limit + 1
    )
    has_more = len(rows) > filter.limit
    kept = list(rows[: filter.limit])
    next_seq = kept[-1].seq if has_more else None
    if filter.after is None:
        kept.reverse()
    items = [RunEvent.model_validate(row, from_attributes=True) for row in kept]
    return EventPage(items=items, has_more=has_more, next_seq=next_seq)


async def count_events(
    session: Session, actor: Actor, *, run_id: UUID
) -> dict[str, int]:
    """Return how many events of each type a run has."""
    await _need_run(session, actor, run_id)
    return await repository.count_events(session, actor, run_id)


async def with_last_run(
    session: Session, actor: Actor, agents: Sequence[AgentView]
) -> list[AgentView]:
    """Return the agents with the status and time of their newest runs."""
    last = await repository.last_runs(session, actor, [agent.id for agent in agents])
    return [
        agent.model_copy(
            update={
                "last_run_status": last[agent.id][0],
                "last_run_at": last[agent.id][1],
            }
        )
        if agent.id in last
        else agent
        for agent in agents
    ]


async def summarize_runs(session: Session, actor: Actor) -> RunCounts:
    """Return the counts that the dashboard shows."""
    by_status = await repository.count_by_status(session, actor)
    active = sum(n for status, n in by_status.items() if not status.is_terminal)
    today = await repository.count_by_status(session, actor, since=clock.now() - _DAY)
    return RunCounts(by_status=by_status, active=active, today=today)


def job_of(row: RunRow) -> Job:
    """Return the job for the present dispatch of a run."""
    return Job(
        name=JobName.RUN_EXECUTE,
        key=f"run-{row.id}-{row.dispatch}",
        subject_id=str(row.id),
    )


async def _add_run(
    session: Session,
    actor: Actor,
    agent: AgentView,
    given: dict[str, Any],
    draft: RunDraft,
) -> RunRow:
    query = query_of(given)
    thread_id = draft.thread_id
    if thread_id is None:
        thread = await threads.create_thread(
            session, actor, agent_id=agent.id, title=query
        )
        thread_id = thread.id
    row = RunRow(
        owner_id=actor.user_id,
        agent_id=agent.id,
        agent_name=agent.name,
        thread_id=thread_id,
        status=RunStatus.QUEUED,
        trigger=draft.trigger,
        correlation_id=ids.new_id(),
        request_id=draft.request_id,
        origin_id=draft.origin_id,
        input=given,
        model=agent.model,
        last_seq=1,
    )
    session.add(row)
    await session.flush()
    await threads.add_message(
        session,
        actor,
        thread_id=thread_id,
        run_id=row.id,
        role=MessageRole.USER,
        content=query,
    )
    queued = RunQueued(trigger=draft.trigger, input=given)
    await add_events(session, row.id, row.owner_id, 0, [queued])
    return row


async def _find_twin(session: Session, actor: Actor, draft: RunDraft) -> RunRow | None:
    if draft.request_id is None:
        return None
    return await repository.find_request(session, actor, draft.request_id)


async def _need_run(session: Session, actor: Actor, run_id: UUID) -> RunRow:
    row = await repository.find_run(session, actor, run_id)
    if row is None:
        raise NotFound("run", run_id)
    return row


def _to_view(row: RunRow) -> RunView:
    return RunView.model_validate(row)
