"""The only place where a graph runs; whoever calls decides where its events go."""

import asyncio
import sqlite3
from typing import Any, Protocol

import psycopg
import structlog
from langchain_core.runnables import RunnableConfig

from app.backend.agents.builder import build, plan
from app.backend.agents.checkpoints import Checkpoints
from app.backend.agents.context import AgentParts, Task
from app.backend.core import clock, ids
from app.backend.core.children import ChildCall, NeedsChild
from app.backend.core.db import AWAY
from app.backend.core.errors import AppError
from app.backend.core.questions import NeedsPerson
from app.backend.core.run_context import RunContext
from app.backend.core.run_events import (
    RunCompleted,
    RunFailed,
    RunOutput,
    RunTimedOut,
    RunWaiting,
    Stage,
    StageChanged,
)
from app.backend.core.spending import OUT_OF_TIME, LimitReached
from app.backend.runs.beginning import open_saver, settle
from app.backend.runs.errors import LeaseLost

logger = structlog.get_logger(__name__)

End = RunCompleted | RunFailed | RunTimedOut | RunWaiting | ChildCall
DATABASE_AWAY = "DATABASE_AWAY"
# The savers of checkpoints speak to the drivers themselves.
_AWAY = (
    *AWAY,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    sqlite3.OperationalError,
)
_NO_DATABASE = "The database did not answer in the middle of this run. Check it with `atelier doctor`, then press Resume."


class RunnerParts(AgentParts, Protocol):
    """What a run works with; a process's Services has it all."""

    @property
    def checkpoints(self) -> Checkpoints:
        """Where the graph keeps its state."""
        ...


class Work(Protocol):
    """What a run does, here or elsewhere."""

    async def __call__(self) -> RunOutput:
        """Return what the run gives back."""
        ...


async def run_agent(parts: RunnerParts, task: Task, context: RunContext) -> RunOutput:
    """Run the agent's graph; all it does goes to `context.emit`, from stage `started` to `completed`.

    Its checkpoints stay; the caller knows when nobody needs them any more.

    Raises:
        AppError: a part that it needs refused, or does not answer.
    """
    emit, spec = context.emit, task.spec
    emit(StageChanged(stage=Stage.STARTED, message=f"{spec.name} begins."))
    needs = spec.model or "parts"
    emit(StageChanged(stage=Stage.INITIALIZING, message=f"Preparing {needs}."))
    saver, goes_on = await open_saver(parts.checkpoints, context)
    begin: dict[str, Any] | None = None if goes_on else {"query": task.query}
    planned = plan(parts, task, context, saver)
    config: RunnableConfig = {
        "configurable": {"thread_id": context.saver_thread},
        "recursion_limit": planned.recursion_limit,
    }
    state = await build(saver, spec.kind).ainvoke(
        begin, config, context=planned.nodes, durability=planned.durability
    )
    await settle(saver, context)
    emit(StageChanged(stage=Stage.COMPLETED, message="Done."))
    return RunOutput.model_validate(state.get("output"))


async def run_to_end(work: Work, *, seconds: float, reason: str = "") -> End:
    """Do `work` within `seconds` and return how it ended, or what it asks; only a cancellation is passed on.

    `reason` is what is said when there was not enough time.
    """
    began = clock.monotonic()
    try:
        async with asyncio.timeout(seconds) as limit:
            try:
                output = await work()
            except TimeoutError as error:
                if limit.expired():
                    raise
                return _unexpected("A part did not answer in time.", error)
    except TimeoutError:
        return RunTimedOut(
            code=OUT_OF_TIME,
            reason=reason or f"The run reached its limit of {seconds:g} seconds.",
        )
    except LeaseLost:
        raise
    except LimitReached as limit:
        return RunTimedOut(code=limit.code, reason=limit.reason)
    except (NeedsPerson, NeedsChild) as needs:
        return _wish(needs)
    except AppError as error:
        return RunFailed(code=error.code, error=error.message)
    except _AWAY as error:
        logger.warning("run_without_database", error=str(error))
        return RunFailed(code=DATABASE_AWAY, error=_NO_DATABASE)
    except Exception as error:  # noqa: BLE001 - this is the edge where a run's error becomes its end
        return _unexpected("Something went wrong on our side.", error)
    took = round((clock.monotonic() - began) * 1000, 1)
    return RunCompleted(output=output, milliseconds=took)


def _wish(needs: NeedsPerson | NeedsChild) -> RunWaiting | ChildCall:
    if isinstance(needs, NeedsChild):
        return needs.call
    return RunWaiting(question=needs.question.text, details=needs.question)


def _unexpected(what: str, error: Exception) -> RunFailed:
    error_id = ids.new_id().hex[-12:]
    logger.error("run_failed_unexpectedly", error_id=error_id, exc_info=error)
    return RunFailed(
        code="INTERNAL_ERROR",
        error=f"{what} Press Retry; if it fails again, look for {error_id} in the worker's log.",
    )
