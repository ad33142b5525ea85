"""R-01: the process that carries out a run is killed somewhere in its twelve steps; four of them change something."""

import asyncio

from app.backend.core.run_events import RunStatus
from chaos.checks import examine
from chaos.effects import (
    CHANGES,
    Person,
    add_tool_agent,
    journal_lines,
    outside_of,
    repeats_of,
)
from chaos.fault import Fault
from chaos.freezing import kill_horse_of
from chaos.ground import Ground, in_lanes
from chaos.outcome import Outcome, Trial, sum_up

WORKERS = 2
LANES = 2
EFFECTS = 4
APPENDED = 2
SECONDS = 4.0


async def play(ground: Ground, rounds: int) -> Outcome:
    """Kill the horse of each of `rounds` runs at a random moment; every other run writes notes, the rest outside."""
    await ground.open(workers=WORKERS)
    models = ("chores-outside", "chores")
    agents = [await add_tool_agent(ground, model) for model in models]
    moments = ground.moments(rounds, 0.1, SECONDS)
    person = Person(ground)
    killed = 0

    async def trial(number: int) -> Trial:
        nonlocal killed
        is_outside = number % 2 == 0
        run = await ground.runs.start(agents[number % 2])
        watching = asyncio.create_task(ground.watch(run.id))
        await asyncio.sleep(moments[number])
        killed += await kill_horse_of(ground, run.id)
        ended = await person.see_through(run.id)
        found = examine(await ground.runs.events(run.id), await watching)
        done = outside_of(ground, run.id)
        problem = found.problem
        if ended.status != RunStatus.COMPLETED:
            problem = f"{ended.status} ({ended.error}); {problem}"
        elif is_outside and len(done) != EFFECTS:
            problem = f"{len(done)} of {EFFECTS} effects; {problem}"
        return Trial(problem, duplicates=repeats_of(done), lost=found.lost)

    trials = await in_lanes(rounds, LANES, trial)
    notes = rounds // 2
    surplus = await journal_lines(ground) - APPENDED * notes
    if surplus:
        trials.append(
            Trial(f"{surplus} lines too many in the journal", duplicates=surplus)
        )
    return sum_up(
        trials,
        figures={
            "killed while a worker had the run": str(killed),
            "questions whether an effect happened": str(len(person.asked)),
        },
    )


FAULT = Fault(
    id="R-01",
    what="The process that carries out a run of twelve steps, four with an effect, is killed at a random moment.",
    must="Every run completes, each effect happens once, no event is lost.",
    play=play,
    rounds=20,
    quick=2,
    changes=CHANGES,
)
