"""The steps of a run, with what its graph held after each, and forks that go on after one of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.backend.agents.access import need_agent
from app.backend.agents.checkpoints import STORE_AWAY, Checkpoints
from app.backend.agents.step_values import compare, read_values
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import Conflict, NotFound
from app.backend.core.run_context import SavedStep
from app.backend.core.texts import Text
from app.backend.identity.sharing_schemas import Level
from app.backend.runs import engine_repository, repository, service
from app.backend.runs.errors import StepNotKept, StoreAway
from app.backend.runs.inputs import check_input
from app.backend.runs.parts import RunParts
from app.backend.runs.schemas import RunDraft, RunView
from app.backend.runs.tables import CheckpointLinkRow
from app.backend.threads import service as threads

INPUT_STEP = 0
# Of more steps than these, an agent that was quiet for long has no checkpoint to show.
LINKS_MAX = 1000


class StepView(BaseModel):
    """A step of a run; number 0 is its input."""

    model_config = ConfigDict(frozen=True)

    step: int
    node: str = Field(description="What worked; empty for the input.")
    next_node: str = Field(description="What comes next; empty after the last step.")
    at: datetime | None
    checkpoint_id: str
    can_fork: bool = Field(description="Whether anything comes after it.")


class StepList(BaseModel):
    """All steps of a run that are kept, in their order."""

    model_config = ConfigDict(frozen=True)

    items: list[StepView]


class StepDetail(StepView):
    """A step with the values of the state after it, and what became of them since the step before.

    A path is the names and numbers on the way to a value, such as `passages.0.text`.
    """

    values: dict[str, Any]
    added: list[str]
    changed: list[str]
    removed: list[str]


class RunFork(BaseModel):
    """Where a fork begins, and what is different; what is left out stays as it was."""

    model_config = ConfigDict(frozen=True)

    step: int = Field(ge=INPUT_STEP, le=1_000_000)
    input: dict[str, Any] | None = Field(
        default=None, description="Another input, with a `query`."
    )
    instructions: Text | None = Field(
        default=None, max_length=20_000, description="Other instructions."
    )


class ThreadCheckpoint(BaseModel):
    """The newest checkpoint that an agent has in a conversation."""

    model_config = ConfigDict(frozen=True)

    thread_id: UUID
    agent_id: UUID | None
    run_id: UUID
    checkpoint_id: str
    step: int
    at: datetime | None


@dataclass(frozen=True)
class FoundStep:
    """A step of a run, and the one before it, where the saver has them."""

    view: StepView
    at: SavedStep
    before: SavedStep | None


async def list_steps(session: Session, actor: Actor, *, run_id: UUID) -> StepList:
    """Return the steps of a run that are kept; none when it ran elsewhere, or long ago."""
    way = await _find_way(session, actor, run_id)
    return StepList(items=[view for view, _ in way])


async def list_checkpoints(
    session: Session, actor: Actor, *, thread_id: UUID
) -> list[ThreadCheckpoint]:
    """Return the newest checkpoint of each agent in a conversation, as far as the last runs have one.

    Raises:
        NotFound: the conversation is not there, or not the actor's.
    """
    await threads.get_thread(session, actor, thread_id=thread_id)
    rows = await repository.list_newest_links(
        session, actor, thread_id, limit=LINKS_MAX
    )
    newest: dict[UUID | None, CheckpointLinkRow] = {}
    for row in rows:
        newest.setdefault(row.agent_id, row)
    return [
        ThreadCheckpoint(
            thread_id=thread_id,
            agent_id=agent_id,
            run_id=row.run_id,
            checkpoint_id=row.checkpoint_id,
            step=row.step,
            at=row.created_at,
        )
        for agent_id, row in newest.items()
    ]


async def find_step(
    session: Session, actor: Actor, *, run_id: UUID, step: int
) -> FoundStep:
    """Return where a step of a run is kept.

    Raises:
        NotFound: the run has no such step, or it is not kept any more.
    """
    before = None
    for view, at in await _find_way(session, actor, run_id):
        if view.step == step:
            return FoundStep(view, at, before)
        before = at
    raise NotFound("step", step)


async def read_step(checkpoints: Checkpoints, found: FoundStep) -> StepDetail:
    """Return what the graph held after a step, and the difference to the step before.

    Raises:
        StepNotKept: it was deleted meanwhile, or is in the memory of another process.
        StoreAway: the store of checkpoints does not answer.
    """
    try:
        saver = await checkpoints.open()
        values = await read_values(saver, found.at)
        before = await read_values(saver, found.before) if found.before else None
    except STORE_AWAY as error:
        raise StoreAway from error
    if values is None:
        raise StepNotKept(found.view.step)
    difference = compare(before or {}, values)
    return StepDetail(**found.view.model_dump(), values=values, **difference._asdict())


async def fork_run(
    session: Session,
    actor: Actor,
    *,
    run_id: UUID,
    fork: RunFork,
    parts: RunParts,
    request_id: UUID | None = None,
) -> RunView:
    """Start a new run that goes on after a step of another one; that one stays as it is.

    What has side effects after the step has them again.

    Raises:
        NotFound: the run, or its step, is not there.
        Conflict: nothing comes after the step, or the agent is deleted.
        Forbidden: other instructions are for those who may change the agent, since it works with what is its owner's.
        Invalid: the other input has no usable `query`.
        TooMany: as for `start_run`.
    """
    run = await service.get_run(session, actor, run_id=run_id)
    if run.agent_id is None:
        message = f"The agent {run.agent_name!r} was deleted, so this run cannot be forked. Ask another agent."
        raise Conflict(message)
    if fork.instructions is not None:
        await need_agent(session, actor, run.agent_id, Level.EDIT)
    found = await find_step(session, actor, run_id=run_id, step=fork.step)
    if not found.view.can_fork:
        message = f"Nothing comes after step {fork.step}. Fork at an earlier step."
        raise Conflict(message)
    draft = await _make_draft(session, actor, run, fork)
    view = await service.start_run(
        session,
        actor,
        agent_id=run.agent_id,
        draft=draft.model_copy(update={"request_id": request_id}),
        parts=parts,
    )
    if await engine_repository.find_newest_step(session, view.id) is None:
        await engine_repository.begin_at(
            session, found.at, view, owner_id=actor.user_id
        )
    return view


async def _make_draft(
    session: Session, actor: Actor, run: RunView, fork: RunFork
) -> RunDraft:
    row = await repository.find_run(session, actor, run.id)
    kept = row.instructions if row else None
    return RunDraft(
        input=check_input(run.input if fork.input is None else fork.input),
        thread_id=run.thread_id,
        trigger=run.trigger,
        origin_id=run.id,
        origin_step=fork.step,
        instructions=kept if fork.instructions is None else fork.instructions,
    )


async def _find_way(
    session: Session, actor: Actor, run_id: UUID
) -> list[tuple[StepView, SavedStep]]:
    """Return the steps that led to where the run is: of what was done twice, the later."""
    await service.get_run(session, actor, run_id=run_id)
    way: list[tuple[StepView, SavedStep]] = []
    for row in await repository.list_links(session, actor, run_id):
        if row.step < INPUT_STEP:
            continue
        view = _to_view(row)
        while way and way[-1][0].step >= view.step:
            again, _ = way.pop()
            # The first checkpoint after a copy is the copy itself, and no node has worked.
            if again.step == view.step and not view.node:
                view = view.model_copy(update={"node": again.node})
        way.append((view, engine_repository.to_step(row)))
    return way


def _to_view(row: CheckpointLinkRow) -> StepView:
    return StepView(
        step=row.step,
        node=row.node,
        next_node=row.next_node,
        at=row.created_at,
        checkpoint_id=row.checkpoint_id,
        can_fork=bool(row.next_node),
    )
