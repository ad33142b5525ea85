"""Takes the run that is next in line for a worker: one conditional update decides who has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from redis.asyncio import Redis
from sqlmodel import col, func

from app.backend.agents import service as agents
from app.backend.agents.context import Task
from app.backend.agents.prompts import Turn
from app.backend.budgets.caps import Payer
from app.backend.core import acting, clock
from app.backend.core.actor import Actor
from app.backend.core.children import ChildEnd
from app.backend.core.crypto import Keyring
from app.backend.core.db import Session
from app.backend.core.errors import NotFound
from app.backend.core.outbox import Outbox
from app.backend.core.questions import Answer
from app.backend.core.run_context import SavedStep
from app.backend.core.run_events import (
    AttemptStarted,
    Event,
    RunFailed,
    RunStarted,
    RunStatus,
    Step,
)
from app.backend.core.settings import Settings
from app.backend.core.stored_events import RunEvent
from app.backend.identity import service as identity
from app.backend.runs import effect_repository, engine_repository, tree_repository
from app.backend.runs.agent_owner import find_agent_owner
from app.backend.runs.agent_tool import RUN_AGENT
from app.backend.runs.answers import ANSWERED
from app.backend.runs.ending import CHILD_ENDED, finish_run
from app.backend.runs.errors import AgentOwnerAway, AgentUnavailable
from app.backend.runs.forks import changes_of_fork, forked_from
from app.backend.runs.inputs import extra_of, query_of
from app.backend.runs.lease import Heartbeat
from app.backend.runs.line import next_in_line
from app.backend.runs.live import LiveStreams, publish
from app.backend.runs.runner import RunnerParts
from app.backend.runs.spent import Spent, count_spent
from app.backend.runs.status import change_status
from app.backend.runs.tables import RunRow
from app.backend.threads import service as threads
from app.backend.threads.schemas import MessageRole, MessageView

HISTORY_MESSAGES = 20


class EngineParts(RunnerParts, Protocol):
    """What a worker works with; a process's Services has it all."""

    @property
    def settings(self) -> Settings:
        """Limits."""
        ...

    @property
    def keyring(self) -> Keyring:
        """Opens the agent's secrets."""
        ...

    @property
    def redis(self) -> Redis:
        """Where viewers are told, and stop signals come from."""
        ...

    @property
    def streams(self) -> LiveStreams:
        """The same for the thread that writes logs."""
        ...

    @property
    def heartbeat(self) -> Heartbeat:
        """Keeps the runs that this process works on."""
        ...

    @property
    def outbox(self) -> Outbox:
        """Where a run is queued again."""
        ...


@dataclass(frozen=True)
class Claim:
    """A run that is this worker's, and what it needs."""

    row: RunRow
    actor: Actor
    task: Task
    resume_from: SavedStep | None = None
    answers: Mapping[str, Answer] = field(default_factory=dict[str, Answer])
    children: Mapping[str, ChildEnd] = field(default_factory=dict[str, ChildEnd])
    agent_owner: Actor | None = None
    changes: dict[str, Any] | None = None
    spent: Spent = field(default_factory=Spent)
    root_agent_id: UUID | None = None

    @property
    def payer(self) -> Payer:
        """On whose account its calls are."""
        row, agent_id = self.row, self.task.spec.id
        return Payer(
            user_id=row.owner_id,
            agent_id=agent_id,
            run_id=row.id,
            root_id=row.root_id,
            root_agent_id=self.root_agent_id or agent_id,
            agent_owner_id=(self.agent_owner or self.actor).user_id,
        )


async def claim_next(
    parts: EngineParts, *, worker: str, first_turn: int = 0
) -> tuple[RunRow, list[RunEvent]] | None:
    """Take the run that is next in line and say so in its log; None when nobody waits.

    Only this stands between a click and the run's first sign of life: the caller tells viewers of the events, while
    what the run needs is read.
    """
    now = clock.now()
    with acting.as_system():
        async with parts.db.transaction() as session:
            return await change_status(
                session,
                next_in_line(first_turn=first_turn),
                RunStatus.RUNNING,
                events=[partial(_beginning, parts.settings.run_attempts_max)],
                values={
                    "epoch": col(RunRow.epoch) + 1,
                    "attempt": col(RunRow.attempt) + 1,
                    "worker": worker,
                    "lease_until": now
                    + timedelta(seconds=parts.settings.lease_seconds),
                    "started_at": func.coalesce(RunRow.started_at, now),
                },
            )


async def prepare_run(parts: EngineParts, row: RunRow) -> Claim | None:
    """Read what a claimed run needs; None when its agent or its owner is gone, and the run has failed."""
    async with parts.db.read() as session:
        try:
            return await _read(session, parts, row)
        except (NotFound, AgentUnavailable, AgentOwnerAway) as error:
            failed = RunFailed(code=error.code, error=error.message)
    async with parts.db.transaction() as session:
        ended = await finish_run(session, row, failed, parts=parts, epoch=row.epoch)
    if ended is not None:
        await publish(parts.redis, row.id, ended[1])
    return None


async def _read(session: Session, parts: EngineParts, row: RunRow) -> Claim:
    actor, user_name = await identity.get_person(session, row.owner_id)
    if row.agent_id is None:
        raise AgentUnavailable(row.agent_name)
    # The run was allowed when it was started; it goes on also when the agent is not shared any more.
    agent_owner = await find_agent_owner(session, row.agent_owner_id, row.agent_name)
    spec = await agents.get_spec(
        session, agent_owner or actor, agent_id=row.agent_id, keyring=parts.keyring
    )
    if row.instructions is not None:
        spec = spec.model_copy(update={"instructions": row.instructions})
    task = Task(
        spec=spec,
        query=query_of(row.input),
        extra=extra_of(row.input),
        history=await _history(session, actor, row),
        user_name=user_name,
    )
    claim = Claim(
        row=row,
        actor=actor,
        agent_owner=agent_owner,
        task=task,
        root_agent_id=await engine_repository.find_root_agent(session, row),
    )
    if row.epoch == 1 and row.origin_id is None:
        # Neither it nor another run has left anything to go on with.
        return claim
    step = await engine_repository.find_newest_step(session, row.id)
    return replace(
        claim,
        resume_from=step,
        changes=changes_of_fork(row, step),
        answers=await effect_repository.list_answers(session, row.id),
        children=await tree_repository.list_ends(session, row.id)
        if RUN_AGENT in spec.tools
        else {},
        spent=await count_spent(session, row.id) if row.epoch > 1 else Spent(),
    )


def _beginning(attempts_max: int, row: RunRow) -> Event:
    if row.epoch == 1:
        return RunStarted(agent_name=row.agent_name, model=row.model, worker=row.worker)
    if row.interruption == ANSWERED:
        return Step(content="A worker takes the run up with the answer.")
    if row.interruption == CHILD_ENDED:
        return Step(content="A worker takes the run up with what the other run gave.")
    return AttemptStarted(
        attempt=row.attempt, attempts_max=attempts_max, reason=row.interruption
    )


async def _history(session: Session, actor: Actor, row: RunRow) -> list[Turn]:
    if row.thread_id is None:
        return []
    # A fork takes the place of the run that it is made of, in its conversation too.
    run_id = await forked_from(session, row)
    # Held questions stand behind its own, and could be more than are read.
    messages = await threads.list_messages_before(
        session, actor, thread_id=row.thread_id, run_id=run_id, limit=HISTORY_MESSAGES
    )
    return turns_before(messages, run_id)


def turns_before(messages: Sequence[MessageView], run_id: UUID) -> list[Turn]:
    """Return the answered questions of a conversation before the run; what was never answered is left out."""
    questions: dict[UUID | None, str] = {}
    turns: list[Turn] = []
    for message in messages:
        if message.run_id == run_id:
            break
        if message.role == MessageRole.USER:
            questions[message.run_id] = message.content
        elif message.role == MessageRole.ASSISTANT and message.run_id in questions:
            turns.append(Turn(questions.pop(message.run_id), message.content))
    return turns
