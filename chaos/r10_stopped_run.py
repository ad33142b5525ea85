"""R-10: Stop is pressed at a random moment of a run."""

import asyncio

from app.backend.core import clock
from app.backend.core.run_events import RunStatus
from chaos.checks import examine
from chaos.fault import Fault
from chaos.ground import Ground, in_lanes
from chaos.outcome import Outcome, Trial, sum_up

LANES = 3
WORDS = 40
SECONDS = 2.0
FIRST_WORD_SECONDS = 0.6
STOPPED_SECONDS = 1.0
SETTLE_SECONDS = 0.7


async def play(ground: Ground, rounds: int) -> Outcome:
    """Stop `rounds` runs: while they are queued, while their model thinks or speaks, and at their very end."""
    await ground.open(workers=LANES)
    agent = await ground.add_agent(
        tokens=WORDS,
        tokens_per_second=WORDS / SECONDS,
        first_token_seconds=FIRST_WORD_SECONDS,
    )
    last = FIRST_WORD_SECONDS + SECONDS + 0.3
    moments = ground.moments(rounds, 0.0, last)
    ended_first = 0

    async def trial(number: int) -> Trial:
        nonlocal ended_first
        run = await ground.runs.start(agent)
        await asyncio.sleep(moments[number])
        pressed_at = clock.now()
        await ground.runs.stop(run.id)
        ended = await ground.runs.wait(run.id, seconds=15)
        # Whatever still comes from the model now must not get into the log.
        await asyncio.sleep(SETTLE_SECONDS)
        events = await ground.runs.events(run.id)
        problem = examine(events).problem
        if ended.status == RunStatus.COMPLETED:
            ended_first += 1
            return Trial(problem)
        if ended.status != RunStatus.STOPPED:
            problem = f"{ended.status}; {problem}"
        took = (events[-1].ts - pressed_at).total_seconds()
        answers = await ground.count_answers(ended)
        return Trial(problem, max(took, 0.0), max(0, answers - 1))

    trials = await in_lanes(rounds, LANES, trial)
    figures = {"runs that had completed before the stop": str(ended_first)}
    return sum_up(trials, p95_max=STOPPED_SECONDS, figures=figures)


FAULT = Fault(
    id="R-10",
    what="Stop is pressed at a random moment: queued, before the first word, in the middle, at the very end.",
    must="Stopped within 1 s (p95), and no event after `run_stopped`.",
    play=play,
    rounds=50,
    quick=4,
)
