"""R-03: a worker is frozen in the middle of a run, and wakes up when somebody else has it."""

import asyncio

from chaos.fault import Fault
from chaos.freezing import freeze, thaw
from chaos.ground import Ground, in_lanes
from chaos.outcome import Outcome, Trial, sum_up

LANES = 5
WORDS = 60
SECONDS = 3.0


async def play(ground: Ground, rounds: int) -> Outcome:
    """Freeze a worker at a random moment of each of `rounds` runs, until its lease is long over."""
    lanes = min(LANES, rounds)
    await ground.open(workers=2 * lanes)
    agent = await ground.add_agent(tokens=WORDS, tokens_per_second=WORDS / SECONDS)
    moments = ground.moments(rounds, 0.1, SECONDS - 0.5)
    # Long enough for the lease of the installation to end.
    frozen_seconds = max(ground.services.settings.lease_seconds * 2.5, 4.0)

    async def trial(number: int) -> Trial:
        run = await ground.runs.start(agent)
        watching = asyncio.create_task(ground.watch(run.id))
        worker = await ground.wait_for_worker(run.id)
        await asyncio.sleep(moments[number])
        family = freeze(worker)
        try:
            await asyncio.sleep(frozen_seconds)
        finally:
            thaw(family)
        verdict = await ground.judge(run.id, words=WORDS)
        if verdict.problem:
            watching.cancel()
            return verdict
        # What woke up has had its chance to write; now the log must still be what the viewer saw.
        await asyncio.sleep(1.0)
        trial = await ground.judge(run.id, words=WORDS, seen=await watching)
        if not family and not trial.problem:
            return Trial("no worker had the run, so none was frozen")
        return trial

    return sum_up(await in_lanes(rounds, lanes, trial))


FAULT = Fault(
    id="R-03",
    what="A worker is frozen for 15 s (SIGSTOP) in the middle of a run, then wakes up (SIGCONT).",
    must="No event of the worker that woke up is stored, and every run completes and answers once.",
    play=play,
    rounds=10,
    quick=1,
    quick_stacks=("sqlite", "postgres"),
)
