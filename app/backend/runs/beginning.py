"""Where a run begins: anew, after a step of its own or of another run, or without a store of checkpoints."""

import structlog

from app.backend.agents.checkpoints import STORE_AWAY, Checkpoints, Saver
from app.backend.agents.saved_steps import LinkedSaver, copy_step
from app.backend.core.run_context import RunContext, SavedStep, forget_step
from app.backend.core.run_events import Level, Log, Step
from app.backend.runs.errors import StepNotKept, StoreAway

logger = structlog.get_logger(__name__)

WITHOUT_STORE = "The store of checkpoints does not answer. The run goes on without it: it cannot be resumed or forked."
STORE_LOST = "The store of checkpoints does not answer. The run goes on; for now it cannot be resumed from here."
STORE_BACK = "The store of checkpoints is back, and has all steps."
STEPS_LOST = (
    "The store of checkpoints is still away: the last steps of this run are not kept."
)
NOT_KEPT = "What was done before is not kept any more; it begins anew."


async def open_saver(
    checkpoints: Checkpoints, context: RunContext
) -> tuple[LinkedSaver, bool]:
    """Return the saver of this attempt, and whether it holds a step that the run goes on after.

    Raises:
        StepNotKept: the step that a fork begins with is gone.
        StoreAway: it cannot be read, since the store does not answer.
    """
    try:
        saver = await checkpoints.open()
        goes_on = await _copy(saver, context)
    except STORE_AWAY as error:
        logger.warning("checkpoints_away", run_id=str(context.run_id), error=str(error))
        if context.changes is not None:
            raise StoreAway from error
        context.emit(Log(level=Level.WARNING, message=WITHOUT_STORE))
        return LinkedSaver(checkpoints.make_substitute(), forget_step), False

    def note_store(*, is_away: bool) -> None:
        if is_away:
            context.emit(Log(level=Level.WARNING, message=STORE_LOST))
        else:
            context.emit(Log(message=STORE_BACK))

    linked = LinkedSaver(
        saver,
        context.note_step,
        note_store,
        context.pass_point,
        is_empty=not goes_on,
    )
    return linked, goes_on


async def settle(saver: LinkedSaver, context: RunContext) -> None:
    """Store what the store could not take before, or say that it is lost."""
    if not await saver.settle():
        context.emit(Log(level=Level.WARNING, message=STEPS_LOST))


async def _copy(saver: Saver, context: RunContext) -> bool:
    step = context.resume_from
    if step is None:
        return False
    if await copy_step(saver, step, context.saver_thread, context.changes):
        context.emit(Step(content=_where(step, is_fork=context.changes is not None)))
        return True
    if context.changes is not None:
        raise StepNotKept(step.step)
    context.emit(Step(content=NOT_KEPT))
    return False


def _where(step: SavedStep, *, is_fork: bool) -> str:
    # Number 0 is the question itself.
    if step.step <= 0 and not is_fork:
        return "It begins anew."
    what = f"step {step.step} ({step.node})" if step.node else f"step {step.step}"
    if is_fork:
        origin = step.saver_thread.partition(":")[0]
        return f"It is a fork: it goes on after {what} of the run {origin}."
    return f"It goes on after {what}."
