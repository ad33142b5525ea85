"""The only place where a graph runs; whoever calls decides where its events go."""

import asyncio
from typing import Protocol, cast

import structlog
from langchain_core.runnables import RunnableConfig

from app.backend.agents.builder import RECURSION_LIMIT, build
from app.backend.agents.checkpoints import Checkpoints, checkpoint_thread
from app.backend.agents.context import AgentParts, AgentState, Task
from app.backend.agents.nodes import AgentNodes
from app.backend.core import clock, ids
from app.backend.core.errors import AppError
from app.backend.core.run_context import RunContext
from app.backend.core.run_events import (
    RunCompleted,
    RunFailed,
    RunOutput,
    RunTimedOut,
    Stage,
    StageChanged,
)

logger = structlog.get_logger(__name__)

End = RunCompleted | RunFailed | RunTimedOut


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


async def run_agent(
    parts: RunnerParts, task: Task, context: RunContext, *, attempt: int = 1
) -> RunOutput:
    """Run the agent's graph; all it does goes to `context.emit`, from stage `started` to `completed`.

    Raises:
        AppError: a part that it needs refused, or does not answer.
    """
    emit, spec = context.emit, task.spec
    emit(StageChanged(stage=Stage.STARTED, message=f"{spec.name} begins."))
    needs = spec.model or "parts"
    emit(StageChanged(stage=Stage.INITIALIZING, message=f"Preparing {needs}."))
    thread = checkpoint_thread(context.run_id, attempt)
    config: RunnableConfig = {
        "configurable": {"thread_id": thread},
        "recursion_limit": RECURSION_LIMIT,
    }
    saver = await parts.checkpoints.open()
    graph, nodes = build(saver), AgentNodes(parts, task, context)
    try:
        state = cast(
            "AgentState",
            await graph.ainvoke({"query": task.query}, config, context=nodes),
        )
    finally:
        # The answer is in our rows; what the graph kept for itself would only grow.
        await saver.adelete_thread(thread)
    emit(StageChanged(stage=Stage.COMPLETED, message="Done."))
    return RunOutput.model_validate(state.get("output"))


async def run_to_end(work: Work, *, seconds: float) -> End:
    """Do `work` within `seconds` and return how it ended; only a cancellation is passed on."""
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
            reason=f"The run reached its limit of {seconds:g} seconds. Ask for less, or raise ATELIER_RUN_SECONDS_MAX."
        )
    except AppError as error:
        return RunFailed(code=error.code, error=error.message)
    except Exception as error:  # noqa: BLE001 - this is the edge where a run's error becomes its end
        return _unexpected("Something went wrong on our side.", error)
    took = round((clock.monotonic() - began) * 1000, 1)
    return RunCompleted(output=output, milliseconds=took)


def _unexpected(what: str, error: Exception) -> RunFailed:
    error_id = ids.new_id().hex[-12:]
    logger.error("run_failed_unexpectedly", error_id=error_id, exc_info=error)
    return RunFailed(
        code="INTERNAL_ERROR",
        error=f"{what} Press Retry; if it fails again, look for {error_id} in the worker's log.",
    )
