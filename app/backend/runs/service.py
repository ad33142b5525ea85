"""Runs as their owner starts, stops, repeats and reads them."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from app.backend.agents import service as agents
from app.backend.agents.schemas import AgentView
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import Conflict, NotFound
from app.backend.core.paging import PAGE_SIZE, Page, parse_cursor, to_page
from app.backend.core.run_events import RunStatus
from app.backend.runs import (
    effect_repository,
    engine_repository,
    list_repository,
    repository,
    search,
)
from app.backend.runs.forks import is_own
from app.backend.runs.inputs import check_input
from app.backend.runs.line import check_room
from app.backend.runs.parts import RunParts
from app.backend.runs.schemas import (
    EventFilter,
    EventPage,
    RunDraft,
    RunFilter,
    RunView,
)
from app.backend.runs.starting import begin_run
from app.backend.runs.stopping import stop_row
from app.backend.runs.tables import RunRow
from app.backend.threads import service as threads
from app.backend.usage import service as usage

EVERY_RUN = RunFilter()
RESUMABLE = (RunStatus.FAILED, RunStatus.STOPPED, RunStatus.TIMED_OUT)
_DAY = timedelta(days=1)


async def start_run(
    session: Session,
    actor: Actor,
    *,
    agent_id: UUID,
    draft: RunDraft,
    parts: RunParts,
) -> RunView:
    """Queue a run: its row, its first event, its thread and message, and its job are one transaction.

    A draft whose `request_id` was used before gives the run that it started then. What happens when the conversation
    has a run that has not ended, is a setting of the agent.

    Raises:
        NotFound: the agent is not there, or neither the actor's nor shared with them; or so is the thread.
        Forbidden: they may only look at the agent, or their API key is for others.
        Invalid: the input has no usable `query`.
        Conflict: the agent is archived, or takes one question of a conversation at a time.
        TooMany: as many runs as there may be, of this user or of all, are queued or running already.
    """
    if (twin := await _find_twin(session, actor, draft)) is not None:
        return _to_view(twin)
    is_alone = repository.is_alone(session)
    if not is_alone:
        # Before anything is locked, so that a flood is refused at little cost.
        await check_room(session, actor.user_id, parts.settings)
    given = check_input(draft.input)
    agent = await agents.get_agent_to_run(session, actor, agent_id=agent_id)
    if agent.archived_at is not None:
        message = f"The agent {agent.name!r} is archived. Restore it first."
        raise Conflict(message)
    if draft.thread_id is not None:
        await threads.get_thread(session, actor, thread_id=draft.thread_id)
    if not is_alone:
        await repository.begin_start(session)
        # The other click of a double click may have been faster.
        if (twin := await _find_twin(session, actor, draft)) is not None:
            return _to_view(twin)
    return _to_view(await begin_run(session, actor, agent, given, draft, parts))


async def stop_run(
    session: Session, actor: Actor, *, run_id: UUID, parts: RunParts
) -> RunView:
    """Stop a run: at once when no worker has it, otherwise its worker ends it within a second.

    A run that has ended stays as it is, so that stopping twice does no harm.
    """
    row = await _need_run(session, actor, run_id)
    return _to_view(await stop_row(session, row, parts))


async def retry_run(
    session: Session,
    actor: Actor,
    *,
    run_id: UUID,
    parts: RunParts,
    request_id: UUID | None = None,
) -> RunView:
    """Start a new run with the input of one that has ended; the old one stays as it is.

    Raises:
        Conflict: the run goes on, or its agent is deleted.
        TooMany: as for `start_run`.
    """
    row = await _need_run(session, actor, run_id)
    return await _repeat(session, actor, row, parts, request_id)


async def resume_run(
    session: Session,
    actor: Actor,
    *,
    run_id: UUID,
    parts: RunParts,
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
    # A fork without a step of its own is still to begin, with its own question.
    origin_step = None if is_own(row, step) else row.origin_step
    view = await _repeat(session, actor, row, parts, request_id, origin_step)
    if await engine_repository.find_newest_step(session, view.id) is None:
        await engine_repository.begin_at(session, step, view, owner_id=row.owner_id)
        await effect_repository.copy_effects(session, row.id, view.id)
    return view


async def get_run(session: Session, actor: Actor, *, run_id: UUID) -> RunView:
    """Return a run."""
    return _to_view(await _need_run(session, actor, run_id))


async def show_run(session: Session, actor: Actor, *, run_id: UUID) -> RunView:
    """Return a run, with what it cost and the checkpoint that it would go on from."""
    view = await get_run(session, actor, run_id=run_id)
    (view,) = await with_costs(session, [view])
    step = await engine_repository.find_newest_step(session, run_id)
    if step is None:
        return view
    place = {"checkpoint_ns": step.saver_thread, "checkpoint_id": step.checkpoint_id}
    return view.model_copy(update=place)


async def list_runs(
    session: Session,
    actor: Actor,
    *,
    wanted: RunFilter = EVERY_RUN,
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
) -> Page[RunView]:
    """Return a page of the wanted runs, newest first."""
    rows = await list_repository.list_runs(
        session, actor, wanted, after=parse_cursor(cursor), limit=limit + 1
    )
    costs = await usage.cost_of_runs(session, [row["id"] for row in rows])
    views = [
        RunView.model_validate({**row, "cost": costs.get(row["id"])}) for row in rows
    ]
    return to_page(views, limit)


async def with_costs(session: Session, views: Sequence[RunView]) -> list[RunView]:
    """Return runs with what they cost."""
    costs = await usage.cost_of_runs(session, [view.id for view in views])
    return [view.model_copy(update={"cost": costs.get(view.id)}) for view in views]


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
    run = await _need_run(session, actor, run_id)
    if search.needs_reading(filter):
        return await search.find_events(session, actor, run_id, filter)
    found = await search.list_events(
        session, actor, run, filter, limit=filter.limit + 1
    )
    has_more = len(found) > filter.limit
    kept = found[: filter.limit]
    next_seq = kept[-1].seq if has_more else None
    if filter.after is None:
        kept.reverse()
    return EventPage(items=kept, has_more=has_more, next_seq=next_seq)


async def with_last_run(
    session: Session, actor: Actor, agents: Sequence[AgentView]
) -> list[AgentView]:
    """Return the agents with the status and time of their newest runs."""
    last = await list_repository.last_runs(
        session, actor, [agent.id for agent in agents]
    )
    return [agent.model_copy(update=last.get(agent.id, {})) for agent in agents]


async def count_today(
    session: Session, actor: Actor, statuses: Sequence[RunStatus]
) -> dict[RunStatus, int]:
    """Return how many runs of the last 24 hours have each of the statuses, `COUNTED_MAX` at most."""
    return await list_repository.count_by_status(
        session, actor, statuses, since=clock.now() - _DAY
    )


async def _repeat(
    session: Session,
    actor: Actor,
    row: RunRow,
    parts: RunParts,
    request_id: UUID | None,
    origin_step: int | None = None,
) -> RunView:
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
        origin_step=origin_step,
        instructions=row.instructions,
        tags=row.tags,
    )
    return await start_run(
        session,
        actor,
        agent_id=row.agent_id,
        draft=draft,
        parts=parts,
    )


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
