"""Many runs at once: all of them join the line in one transaction, or none does."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from app.backend.agents import service as agents
from app.backend.agents.schemas import RunnableAgent
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import Conflict, Invalid
from app.backend.core.run_events import RunQueued
from app.backend.core.stored_events import RunEvent
from app.backend.identity import tiers
from app.backend.runs import list_repository, repository
from app.backend.runs.days import count_begun
from app.backend.runs.event_rows import insert_events
from app.backend.runs.inputs import check_input, query_of
from app.backend.runs.line import check_load, job_of, read_load
from app.backend.runs.parts import RunParts
from app.backend.runs.schemas import RunDraft, RunView
from app.backend.runs.starting import new_row
from app.backend.runs.status import number_events
from app.backend.runs.tables import RunRow
from app.backend.threads import service as threads

BATCH_MAX = 1_000


async def start_runs(
    session: Session,
    actor: Actor,
    *,
    agent_id: UUID,
    drafts: Sequence[RunDraft],
    parts: RunParts,
) -> list[RunView]:
    """Queue runs of an agent, each in a conversation of its own; all of them, or none.

    A draft whose `request_id` was used before gives the run that it started then.

    Raises:
        NotFound: the agent is not there, or neither the actor's nor shared with them.
        Forbidden: they may only look at it, or their API key is for others.
        Invalid: an input has no usable `query`; the message says which.
        Conflict: the agent is archived.
        TooMany: there would be more runs than there may be, of this user or of all.
    """
    drafts = [_checked(draft, place) for place, draft in enumerate(drafts, start=1)]
    wanted = [draft.request_id for draft in drafts if draft.request_id is not None]
    known = await repository.find_requests(session, actor, wanted)
    if len(known) == len(drafts):
        return _in_order(drafts, known, [])
    agent = await agents.get_agent_to_run(session, actor, agent_id=agent_id)
    if agent.archived_at is not None:
        message = f"The agent {agent.name!r} is archived. Restore it first."
        raise Conflict(message)
    await repository.begin_start(session)
    # The same batch may have been sent twice at the same moment.
    known = await repository.find_requests(session, actor, wanted)
    fresh = [draft for draft in drafts if draft.request_id not in known]
    begun = await _begin(session, actor, agent, fresh, parts) if fresh else []
    return _in_order(drafts, known, begun)


def _in_order(
    drafts: Sequence[RunDraft],
    known: Mapping[UUID | None, RunRow],
    begun: Iterable[RunRow],
) -> list[RunView]:
    rest = iter(begun)
    return [
        RunView.model_validate(known.get(draft.request_id) or next(rest))
        for draft in drafts
    ]


def _checked(draft: RunDraft, place: int) -> RunDraft:
    try:
        return draft.model_copy(update={"input": check_input(draft.input)})
    except Invalid as error:
        message = f"Run {place} of the batch: {error.message}"
        raise Invalid.field("runs", message) from None


async def _begin(
    session: Session,
    actor: Actor,
    agent: RunnableAgent,
    drafts: Sequence[RunDraft],
    parts: RunParts,
) -> list[RunRow]:
    load = await read_load(session, actor.user_id)
    limits = await tiers.limits_of(session, actor.user_id)
    check_load(load, parts.settings, limits, more=len(drafts))
    await count_begun(session, actor.user_id, limits.runs_per_day, more=len(drafts))
    titles = [query_of(draft.input) for draft in drafts]
    thread_ids = await threads.create_threads(
        session, actor, agent_id=agent.id, titles=titles
    )
    rows: list[RunRow] = []
    for place, (draft, thread_id) in enumerate(zip(drafts, thread_ids, strict=True)):
        row = new_row(actor, agent, draft.input, draft, thread_id=thread_id)
        row.turn, row.last_seq = load.turn + place, 1
        rows.append(row)
    session.add_all(rows)
    await session.flush()
    for row, thread_id in zip(rows, thread_ids, strict=True):
        list_repository.add_marks(session, row)
        threads.add_first_message(
            session,
            actor,
            thread_id=thread_id,
            run_id=row.id,
            content=query_of(row.input),
        )
    await parts.outbox.add_all(session, [job_of(row) for row in rows])
    await session.flush()
    await _add_first_events(session, actor, rows)
    return rows


async def _add_first_events(
    session: Session, actor: Actor, rows: Sequence[RunRow]
) -> None:
    stored: list[RunEvent] = []
    levels: list[str] = []
    for row in rows:
        first = RunQueued(trigger=row.trigger, input=row.input)
        its_events, its_levels = number_events(row.id, 0, [first])
        stored += its_events
        levels += its_levels
    connection = await session.connection()
    await connection.run_sync(insert_events, actor.user_id, stored, levels)
