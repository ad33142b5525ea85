"""F-02: five hundred runs are queued one by one, with workers and without, and in one batch; all of them finish."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from app.backend.core import clock
from app.backend.core.run_events import RunStatus
from app.backend.runs.batch import start_runs
from app.backend.runs.schemas import RunDraft
from chaos.fault import Fault
from chaos.ground import Ground
from chaos.outcome import Outcome, Trial, sum_up

WORKERS = 2
USERS = 10
CAP = 1_000
LANES = 10
END_SECONDS = 300.0
Started = tuple[Ground, UUID]


async def play(ground: Ground, rounds: int) -> Outcome:
    """Queue `rounds` runs of several people while nobody works, as many while workers do, and as many in one batch."""
    others = [await ground.as_somebody_else() for _ in range(USERS)]
    agents = [await other.add_agent(text="Ready.") for other in others]
    people = list(zip(others, agents, strict=True))
    idle_runs, idle_seconds = await _queue(people, rounds)
    await ground.open(workers=WORKERS)
    trials = await _wait(idle_runs)
    began = clock.monotonic()
    busy_runs, busy_seconds = await _queue(people, rounds)
    trials += await _wait(busy_runs)
    took = clock.monotonic() - began
    batch_runs, batch_seconds = await _queue_batch(*people[0], rounds)
    trials += await _wait(batch_runs)
    return sum_up(
        trials,
        figures={
            "queued without workers within": f"{idle_seconds:.1f} s",
            "with workers": f"{busy_seconds:.1f} s",
            "in one batch": f"{batch_seconds:.2f} s",
            "then all done after": f"{took:.1f} s, {rounds / took:.0f} runs/s",
        },
    )


async def _queue(
    people: Sequence[tuple[Ground, UUID]], count: int
) -> tuple[list[Started], float]:
    """Start `count` runs, some at once; returns them, and how long it took."""
    slots = asyncio.Semaphore(LANES)

    async def start(number: int) -> Started:
        other, agent = people[number % len(people)]
        async with slots:
            return other, (await other.runs.start(agent)).id

    began = clock.monotonic()
    started = await asyncio.gather(*(start(number) for number in range(count)))
    return started, clock.monotonic() - began


async def _queue_batch(
    other: Ground, agent: UUID, count: int
) -> tuple[list[Started], float]:
    """Start `count` runs of one person in one transaction."""
    drafts = [RunDraft(input={"query": f"Question {n}?"}) for n in range(count)]
    began = clock.monotonic()
    async with other.services.db.transaction() as session:
        started = await start_runs(
            session, other.actor, agent_id=agent, drafts=drafts, parts=other.services
        )
    return [(other, run.id) for run in started], clock.monotonic() - began


async def _wait(started: Sequence[Started]) -> list[Trial]:
    end = clock.monotonic() + END_SECONDS
    trials: list[Trial] = []
    for other, run_id in started:
        left = end - clock.monotonic()
        run = await other.runs.wait(run_id, seconds=max(left, 1.0))
        is_well = run.status == RunStatus.COMPLETED
        trials.append(Trial("" if is_well else f"{run.status} ({run.error})"))
    return trials


FAULT = Fault(
    id="F-02",
    what="500 runs of ten people are queued at once, where 1,000 may be active: before there are workers, and again while they work; then as many of one person in one batch.",
    must="All of them complete.",
    play=play,
    rounds=500,
    quick=20,
    quick_stacks=(),
    changes={"runs_active_max": CAP, "runs_active_per_user_max": CAP},
)
