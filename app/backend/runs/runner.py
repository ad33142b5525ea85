"""The only place where a graph runs; whoever calls decides where its events go."""

import asyncio
from typing import Protocol, cast

import structlog
from langchain_core.runnables import RunnableConfig

from app.backend.agents.builder import RECURSION_LIMIT, build
from app.backend.agents.checkpoints import Checkpoints, Saver
from app.backend.agents.context import AgentParts, AgentState, Task
from app.backend.agents.nodes import AgentNodes
from app.backend.agents.saved_steps import LinkedSaver, copy_step
from app.backend.core import clock, ids
from app.backend.core.errors import AppError
from app.backend.core.run_context import RunContext, SavedStep
from app.backend.core.run_events import (
    RunCompleted,
    RunFailed,
    RunOutput,
    RunTimedOut,
    Stage,
    StageChanged,
    Step,
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
    config: RunnableConfig = {
        "configurable": {"thread_id": context.saver_thread},
        "recursion_limit": RECURSION_LIMIT,
    }
    saver = await parts.checkpoints.open()
    begin: AgentState | None = {"query": task.query}
    if context.resume_from is not None:
        begin = await _resume(saver, context, context.resume_from, begin)
    graph = build(LinkedSaver(saver, context.note_step))
    nodes = AgentNodes(parts, task, context)
    state = cast("AgentState", await graph.ainvoke(begin, config, context=nodes))
    emit(StageChanged(stage=Stage.COMPLETED, message="Done."))
    return RunOutput.model_validate(state.get("output"))


async def _resume(
    saver: Saver, context: RunContext, step: SavedStep, begin: AgentState
) -> AgentState | None:
    if await copy_step(saver, step, context.saver_thread):
        # Number 0 is the question itself.
        where = f"goes on after step {step.step}" if step.step > 0 else "begins anew"
        context.emit(Step(content=f"It {where}."))
        return None
    context.emit(
        Step(content="What was done before is not kept any more; it begins anew.")
    )
    return begin


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
