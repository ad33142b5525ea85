"""What `/execute` of a runtime takes and gives: a whole agent run for somebody else's log."""

from typing import Any, Literal, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from redis.asyncio import Redis

from app.backend.agents import service as agents
from app.backend.agents.context import Task
from app.backend.agents.prompts import Turn
from app.backend.agents.spec import AgentSpec
from app.backend.budgets.caps import Payer
from app.backend.core import acting, ids, masking
from app.backend.core.actor import Actor
from app.backend.core.children import ChildCall
from app.backend.core.crypto import Keyring
from app.backend.core.db import Database, Session
from app.backend.core.run_context import Emit, RunContext
from app.backend.core.run_events import (
    RunCompleted,
    RunFailed,
    RunOutput,
    RunStatus,
    RunTimedOut,
    RunWaiting,
)
from app.backend.core.settings import Settings
from app.backend.identity import tiers
from app.backend.runs import engine_repository, repository
from app.backend.runs.agent_owner import find_agent_owner, other_owner
from app.backend.runs.budget import Limits, RunBudget
from app.backend.runs.days import count_begun
from app.backend.runs.execute_spending import accounts_of
from app.backend.runs.inputs import check_input, extra_of, query_of
from app.backend.runs.runner import End, RunnerParts, run_agent, run_to_end

RESULT = "result"


class ExecuteTurn(BaseModel):
    """An earlier question of the conversation, and its answer."""

    model_config = ConfigDict(frozen=True)

    question: str
    answer: str


class ExecuteBody(BaseModel):
    """What to run: the agent, the question, the rest of the input, the conversation before it.

    `run_id` is the caller's run: it counts with the internal token only, and says whose run this is and that it may
    go on.
    """

    model_config = ConfigDict(frozen=True)

    agent_id: UUID
    query: str = ""
    input_data: dict[str, Any] = Field(default_factory=dict)
    history: list[ExecuteTurn] = Field(default_factory=list[ExecuteTurn], max_length=50)
    run_id: UUID | None = None


class ExecuteResult(BaseModel):
    """How it ended; `events` has all that happened, unless it was streamed."""

    model_config = ConfigDict(frozen=True)

    status: Literal["completed", "failed", "timed_out"]
    output_data: RunOutput | None = None
    error: str = ""
    code: str = ""
    events: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])


class ExecuteParts(RunnerParts, Protocol):
    """What `/execute` works with; a process's Services has it all."""

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
        """What is set aside of budgets."""
        ...


async def execute(
    parts: ExecuteParts, actor: Actor, body: ExecuteBody, emit: Emit
) -> ExecuteResult:
    """Run the agent here for `actor`, wherever its row says that it runs; events go to `emit`.

    Raises:
        NotFound: the agent is not there, or neither the actor's nor shared with them.
        Forbidden: they may only look at it.
        AgentOwnerAway: its owner is suspended.
        Invalid: there is no usable question.
        DayUsedUp: it is no part of a run here, and they have begun as many today as they may.
    """
    with acting.as_user(actor.user_id):
        return await _execute(parts, actor, body, emit)


async def _execute(
    parts: ExecuteParts, actor: Actor, body: ExecuteBody, emit: Emit
) -> ExecuteResult:
    task, agent_owner = await _prepare(parts, actor, body)
    spec = task.spec
    if body.run_id is None:
        await _count(parts, actor)
    # Its own id: the checkpoints here are not those of the caller's attempt.
    run_id = ids.new_id()
    limits = Limits.of(spec, parts.settings)
    budget = RunBudget(limits)
    caller = _caller(actor, agent_owner or actor, spec, run_id)
    accounting = accounts_of(parts, caller, spec, emit, our_run_id=body.run_id)
    async with accounting as accounts:
        context = RunContext(
            actor=actor,
            other_owner=agent_owner,
            run_id=run_id,
            agent_id=spec.id,
            thread_id=None,
            emit=budget.counting(accounts.emit),
            is_cancelled=lambda: False,
            saver_thread=str(run_id),
            budget=budget,
            spending=accounts.spending,
        )
        try:
            with masking.bound({actor.user_id, context.agent_owner.user_id}):
                end = await run_to_end(
                    lambda: run_agent(parts, task, context),
                    seconds=limits.seconds.most,
                    reason=limits.seconds.reason(),
                )
        finally:
            await parts.checkpoints.forget([context.saver_thread])
    return _result(end)


def _caller(actor: Actor, agent_owner: Actor, spec: AgentSpec, run_id: UUID) -> Payer:
    return Payer(
        user_id=actor.user_id,
        agent_id=spec.id,
        run_id=run_id,
        root_id=run_id,
        root_agent_id=spec.id,
        agent_owner_id=agent_owner.user_id,
    )


async def _prepare(
    parts: ExecuteParts, actor: Actor, body: ExecuteBody
) -> tuple[Task, Actor | None]:
    """Return what to do, and who owns the agent, if not the actor."""
    query = body.query or body.input_data.get("query")
    given = check_input({**body.input_data, "query": query})
    async with parts.db.read() as session:
        agent_owner = await _find_agent_owner(session, actor, body)
        spec = await agents.get_spec(
            session,
            agent_owner or actor,
            agent_id=body.agent_id,
            keyring=parts.keyring,
        )
    turns = [Turn(turn.question, turn.answer) for turn in body.history]
    task = Task(spec=spec, query=query_of(given), extra=extra_of(given), history=turns)
    return task, agent_owner


async def _count(parts: ExecuteParts, actor: Actor) -> None:
    async with parts.db.transaction() as session:
        limits = await tiers.limits_of(session, actor.user_id)
        await count_begun(session, actor.user_id, limits.runs_per_day)


async def _find_agent_owner(
    session: Session, actor: Actor, body: ExecuteBody
) -> Actor | None:
    run = (
        await repository.find_run(session, actor, body.run_id) if body.run_id else None
    )
    if run is not None and run.agent_id == body.agent_id:
        # It was allowed when it was started, whatever is shared now.
        return await find_agent_owner(session, run.agent_owner_id, run.agent_name)
    agent = await agents.get_agent_to_run(session, actor, agent_id=body.agent_id)
    owner_id = other_owner(agent, actor.user_id)
    return await find_agent_owner(session, owner_id, agent.name)


def _result(end: End) -> ExecuteResult:
    match end:
        case RunCompleted(output=output):
            return ExecuteResult(status="completed", output_data=output)
        case RunFailed(code=code, error=error):
            return ExecuteResult(status="failed", error=error, code=code)
        case RunTimedOut(reason=reason):
            return ExecuteResult(status="timed_out", error=reason)
        case RunWaiting(question=question):
            error = f"It asks: {question} Nobody can answer here; run the agent in a worker."
            return ExecuteResult(status="failed", error=error, code="NEEDS_PERSON")
        case ChildCall(agent_name=name):
            # Without a ledger the tool has refused before it comes to this.
            error = f"It asks the agent {name!r}, which only a worker can. Run it in a worker."
            return ExecuteResult(status="failed", error=error, code="NEEDS_WORKER")


async def owner_of_run(db: Database, run_id: UUID) -> UUID | None:
    """Return whose run it is, if it goes on: on whose behalf the internal token acts."""
    with acting.as_system():
        async with db.read() as session:
            row = await engine_repository.find_run(session, run_id)
    if row is None or row.status != RunStatus.RUNNING:
        return None
    return row.owner_id
