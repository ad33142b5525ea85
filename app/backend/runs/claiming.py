"""Takes a queued run for a worker: one conditional update decides who has it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from redis.asyncio import Redis

from app.backend.agents import service as agents
from app.backend.agents.context import Task
from app.backend.agents.prompts import Turn
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.crypto import Keyring
from app.backend.core.db import Session
from app.backend.core.errors import NotFound
from app.backend.core.outbox import Outbox
from app.backend.core.run_events import (
    AttemptStarted,
    Event,
    RunEvent,
    RunFailed,
    RunStarted,
    RunStatus,
)
from app.backend.core.settings import Settings
from app.backend.identity import service as identity
from app.backend.runs import engine_repository
from app.backend.runs.errors import AgentUnavailable
from app.backend.runs.inputs import extra_of, query_of
from app.backend.runs.live import publish
from app.backend.runs.runner import RunnerParts
from app.backend.runs.status import change_status, end_run
from app.backend.runs.tables import RunRow
from app.backend.threads import service as threads
from app.backend.threads.schemas import MessageRole, MessageView

ATTEMPTS_MAX = 3
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
    def outbox(self) -> Outbox:
        """Where a run is queued again."""
        ...


@dataclass(frozen=True)
class Claim:
    """A run that is this worker's, what it needs, and the events that its beginning made."""

    row: RunRow
    actor: Actor
    task: Task
    events: list[RunEvent]


async def claim_run(parts: EngineParts, run_id: UUID, *, worker: str) -> Claim | None:
    """Take the run, or return None: it is not queued any more, or its agent is gone and it has failed."""
    async with parts.db.transaction() as session:
        row = await engine_repository.find_run(session, run_id)
        if row is None or row.status != RunStatus.QUEUED:
            return None
        try:
            return await _take(session, parts, row, worker)
        except (NotFound, AgentUnavailable) as error:
            failed = RunFailed(code=error.code, error=error.message)
            ended = await end_run(session, run_id, failed, epoch=row.epoch)
    if ended is not None:
        await publish(parts.redis, run_id, ended[1])
    return None


async def _take(
    session: Session, parts: EngineParts, row: RunRow, worker: str
) -> Claim | None:
    actor = await identity.get_actor(session, row.owner_id)
    if row.agent_id is None:
        raise AgentUnavailable(row.agent_name)
    spec = await agents.get_spec(
        session, actor, agent_id=row.agent_id, keyring=parts.keyring
    )
    profile = await identity.get_profile(session, actor)
    history = await _history(session, actor, row)
    now = clock.now()
    changed = await change_status(
        session,
        row.id,
        RunStatus.RUNNING,
        epoch=row.epoch,
        events=[_beginning(row, spec.name, spec.model, worker)],
        values={
            "epoch": row.epoch + 1,
            "attempt": row.attempt + 1,
            "worker": worker,
            "model": spec.model,
            "lease_until": now + timedelta(seconds=parts.settings.lease_seconds),
            "started_at": row.started_at or now,
        },
    )
    if changed is None:
        return None
    claimed, events = changed
    task = Task(
        spec=spec,
        query=query_of(claimed.input),
        extra=extra_of(claimed.input),
        history=history,
        user_name=profile.display_name,
    )
    return Claim(row=claimed, actor=actor, task=task, events=events)


def _beginning(row: RunRow, agent_name: str, model: str, worker: str) -> Event:
    if row.attempt == 0:
        return RunStarted(agent_name=agent_name, model=model, worker=worker)
    return AttemptStarted(
        attempt=row.attempt + 1,
        attempts_max=max(ATTEMPTS_MAX, row.attempt + 1),
        reason="The worker before was shut down.",
    )


async def _history(session: Session, actor: Actor, row: RunRow) -> list[Turn]:
    if row.thread_id is None:
        return []
    messages = await threads.list_messages(
        session, actor, thread_id=row.thread_id, limit=HISTORY_MESSAGES
    )
    return turns_before(messages, row.id)


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
