"""R-02: a whole worker is killed in the middle of a run, while another one lives."""

import asyncio
from datetime import datetime
from uuid import UUID

from app.backend.core.stored_events import RunEvent
from chaos.fault import Fault
from chaos.ground import Ground, in_lanes
from chaos.outcome import Outcome, Trial, sum_up

LANES = 4
WORDS = 60
SECONDS = 3.0
RESUMED_SECONDS = 10.0


async def play(ground: Ground, rounds: int) -> Outcome:
    """Kill a worker at a random moment of each of `rounds` runs."""
    await ground.open(workers=LANES + 1)
    agent = await ground.add_agent(tokens=WORDS, tokens_per_second=WORDS / SECONDS)
    moments = ground.moments(rounds, 0.0, SECONDS - 0.3)

    async def trial(number: int) -> Trial:
        run = await ground.runs.start(agent)
        watching = asyncio.create_task(ground.watch(run.id))
        await asyncio.sleep(moments[number])
        killed_at = await kill_worker_of(ground, run.id)
        verdict = await ground.judge(run.id, words=WORDS)
        seen = await watching
        return await ground.judge(
            run.id,
            words=WORDS,
            seen=seen,
            seconds=None if verdict.problem else seconds_until(killed_at, seen),
        )

    trials = await in_lanes(rounds, LANES, trial)
    return sum_up(trials, p95_max=RESUMED_SECONDS)


async def kill_worker_of(ground: Ground, run_id: UUID) -> datetime:
    """Kill the worker that has the run, or any one when none has it yet; a new one takes its place."""
    worker = await ground.worker_of(run_id)
    if worker is None:
        worker = ground.workers[min(ground.workers)]
    killed_at = ground.kill_worker(worker)
    ground.add_worker()
    return killed_at


def seconds_until(moment: datetime, events: list[RunEvent]) -> float:
    """Return how long after `moment` the run went on: until its next beginning, or its next event when it lost nothing."""
    later = [event for event in events if event.ts > moment]
    begun = [event for event in later if event.type == "attempt_started"]
    return ((begun or later)[0].ts - moment).total_seconds() if later else 0.0


FAULT = Fault(
    id="R-02",
    what="A worker is killed with all its children at a random moment of a run; other workers live.",
    must="Every run completes, goes on within 10 s (p95), loses no event and answers once.",
    play=play,
    rounds=20,
    quick=1,
)
