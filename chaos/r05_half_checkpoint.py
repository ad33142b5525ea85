"""R-05: the process dies between the two writes of a checkpoint."""

from app.backend.core.fault_points import FaultPoint, FaultPoints
from app.backend.core.run_events import RunStatus
from chaos.checks import examine
from chaos.effects import CHANGES, Person, add_tool_agent, outside_of, repeats_of
from chaos.fault import Fault
from chaos.ground import Ground
from chaos.outcome import Outcome, Trial, sum_up

WORKERS = 1
EFFECTS = 4
POINTS = (FaultPoint.STEP_DONE, FaultPoint.CHECKPOINT_STORED)
# Both points are passed more often than this in a run of twelve steps.
PASSES_MAX = 20


async def play(ground: Ground, rounds: int) -> Outcome:
    """Let the process of each of `rounds` runs die around one of its checkpoints."""
    await ground.open(workers=WORKERS)
    agent = await add_tool_agent(ground, "chores-outside")
    points = FaultPoints(ground.services.settings.data_dir)
    trials: list[Trial] = []
    for number in range(rounds):
        point = POINTS[number % len(POINTS)]
        points.arm(point, passes=ground.random.randint(0, PASSES_MAX))
        run = await ground.runs.start(agent)
        ended = await Person(ground).see_through(run.id)
        done = outside_of(ground, run.id)
        problem = examine(await ground.runs.events(run.id)).problem
        if points.is_armed(point):
            problem = f"nobody died at {point}; {problem}"
        elif ended.status != RunStatus.COMPLETED:
            problem = f"{ended.status} ({ended.error}); {problem}"
        elif len(done) != EFFECTS:
            problem = f"{len(done)} of {EFFECTS} effects; {problem}"
        trials.append(Trial(problem, duplicates=repeats_of(done)))
    return sum_up(trials)


FAULT = Fault(
    id="R-05",
    what="The process dies between the two writes of a checkpoint, or between the checkpoint and the row that vouches for it.",
    must="Every run completes, and each effect happens once.",
    play=play,
    rounds=20,
    quick=2,
    changes=CHANGES,
)
