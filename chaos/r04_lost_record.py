"""R-04: the process dies exactly between an effect and its record."""

from app.backend.core.fault_points import FaultPoint, FaultPoints
from app.backend.core.run_events import RunStatus
from chaos.checks import examine
from chaos.effects import CHANGES, Person, add_tool_agent, outside_of, repeats_of
from chaos.fault import Fault
from chaos.ground import Ground
from chaos.outcome import Outcome, Trial, sum_up

WORKERS = 1
# The script puts (idempotent), appends (unsafe), puts and appends.
EFFECTS = 4


async def play(ground: Ground, rounds: int) -> Outcome:
    """Let the process of each of `rounds` runs die after one of its four effects, in turn."""
    await ground.open(workers=WORKERS)
    agent = await add_tool_agent(ground, "chores-outside")
    points = FaultPoints(ground.services.settings.data_dir)
    trials: list[Trial] = []
    asked = 0
    for number in range(rounds):
        passes = number % EFFECTS
        is_unsafe = passes % 2 == 1
        points.arm(FaultPoint.EFFECT_DONE, passes=passes)
        person = Person(ground)
        run = await ground.runs.start(agent)
        ended = await person.see_through(run.id)
        done = outside_of(ground, run.id)
        questions = person.asked.count("effect_unknown")
        asked += questions
        problem = examine(await ground.runs.events(run.id)).problem
        if points.is_armed(FaultPoint.EFFECT_DONE):
            problem = f"nobody died; {problem}"
        elif ended.status != RunStatus.COMPLETED:
            problem = f"{ended.status} ({ended.error}); {problem}"
        elif len(done) != EFFECTS:
            problem = f"{len(done)} of {EFFECTS} effects; {problem}"
        elif questions != is_unsafe:
            problem = f"{questions} questions; {problem}"
        trials.append(Trial(problem, duplicates=repeats_of(done)))
    return sum_up(trials, figures={"questions to a person": str(asked)})


FAULT = Fault(
    id="R-04",
    what="The process dies exactly between an effect outside and its record in the ledger.",
    must="An idempotent tool has one effect; for any other the run waits and asks a person: no silent repeat.",
    play=play,
    rounds=8,
    quick=2,
    changes=CHANGES,
)
