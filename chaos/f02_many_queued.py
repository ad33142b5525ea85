"""F-02: five hundred runs are queued within a second or so, and all of them finish."""

import asyncio
from uuid import UUID

from app.backend.core import clock
from app.backend.core.run_events import RunStatus
from chaos.fault import Fault
from chaos.ground import Ground
from chaos.outcome import Outcome, Trial, sum_up

WORKERS = 2
USERS = 10
CAP = 1_000
LANES = 10
END_SECONDS = 300.0


async def play(ground: Ground, rounds: int) -> Outcome:
    """Queue `rounds` runs of several people, and wait for all."""
    await ground.open(workers=WORKERS)
    others = [await ground.as_somebody_else() for _ in range(USERS)]
    agents = [await other.add_agent(text="Ready.") for other in others]
    began = clock.monotonic()
    slots = asyncio.Semaphore(LANES)

    async def start(number: int) -> tuple[Ground, UUID]:
        other, agent = others[number % USERS], agents[number % USERS]
        async with slots:
            return other, (await other.runs.start(agent)).id

    started = await asyncio.gather(*(start(number) for number in range(rounds)))
    queued = clock.monotonic() - began
    trials: list[Trial] = []
    for other, run_id in started:
        left = END_SECONDS - (clock.monotonic() - began)
        run = await other.runs.wait(run_id, seconds=max(left, 1.0))
        is_well = run.status == RunStatus.COMPLETED
        trials.append(Trial("" if is_well else f"{run.status} ({run.error})"))
    took = clock.monotonic() - began
    return sum_up(
        trials,
        figures={
            "queued within": f"{queued:.1f} s",
            "all done after": f"{took:.1f} s, {rounds / took:.0f} runs/s",
        },
    )


FAULT = Fault(
    id="F-02",
    what="500 runs of ten people are queued at once, where 1,000 may be active.",
    must="All of them complete.",
    play=play,
    rounds=500,
    quick=20,
    quick_stacks=(),
    changes={"runs_active_max": CAP},
)
