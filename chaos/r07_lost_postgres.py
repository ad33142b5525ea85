"""R-07: PostgreSQL is stopped at once, with all its connections, and started again, while runs go on."""

import asyncio
import signal
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from app.backend.core import clock
from app.backend.core.run_events import RunStatus
from app.backend.runs import engine_repository
from chaos.checks import examine
from chaos.effects import CHANGES, Person, add_tool_agent, outside_of, repeats_of
from chaos.fault import Fault
from chaos.ground import Ground
from chaos.outcome import Outcome, Trial, sum_up

WORKERS = 2
WORDS = 120
SECONDS = 6.0
RUNS = 10
STUCK_SECONDS = 15.0
EFFECTS = 4
_POLL_SECONDS = 0.1


async def play(ground: Ground, rounds: int) -> Outcome:
    """Restart PostgreSQL `rounds` times during twice as many runs."""
    count = min(RUNS, 2 * rounds)
    await ground.open(workers=min(WORKERS, count))
    agents = [
        await ground.add_agent(tokens=WORDS, tokens_per_second=WORDS / SECONDS),
        # Twelve steps with their checkpoints, four of them with an effect.
        await add_tool_agent(ground, "chores-outside"),
    ]
    pauses = ground.moments(rounds, 0.5, 2.5)
    ids = [(await ground.runs.start(agents[n % 2])).id for n in range(count)]
    delays: list[float] = []
    for pause in pauses:
        await asyncio.sleep(pause)
        await asyncio.to_thread(_restart, ground)
        delays += await _when_going_on(ground, ids)
    trials = [
        await (
            _judge_steps(ground, run_id) if n % 2 else ground.judge(run_id, words=WORDS)
        )
        for n, run_id in enumerate(ids)
    ]
    summary = sum_up([Trial(seconds=delay) for delay in delays])
    found = sum_up(trials)
    longest = f"{max(delays, default=0.0):.1f} s"
    return Outcome(
        good=found.good,
        of=found.of,
        p95_seconds=summary.p95_seconds,
        duplicates=found.duplicates,
        lost=found.lost,
        figures={
            "times PostgreSQL was restarted": str(rounds),
            "longest silence of a run after it": longest,
        },
        problems=found.problems,
        late=[f"silent for {one:.1f} s" for one in delays if one > STUCK_SECONDS],
    )


async def _judge_steps(ground: Ground, run_id: UUID) -> Trial:
    ended = await Person(ground).see_through(run_id)
    done = outside_of(ground, run_id)
    problem = examine(await ground.runs.events(run_id)).problem
    if ended.status != RunStatus.COMPLETED:
        problem = f"{ended.status} ({ended.error}); {problem}"
    elif len(done) != EFFECTS:
        problem = f"{len(done)} of {EFFECTS} effects; {problem}"
    return Trial(problem, duplicates=repeats_of(done))


def _restart(ground: Ground) -> None:
    postgres = ground.machine.postgres
    assert postgres is not None, "R-07 needs PostgreSQL."
    # What `pg_ctl stop -m immediate` sends.
    postgres.kill(signal.SIGQUIT)
    postgres.start()


async def _when_going_on(ground: Ground, ids: list[UUID]) -> list[float]:
    """Return after how many seconds each running run had a new event; twice the limit for those that had none."""
    began = clock.monotonic()
    waiting = {one.run_id: one.last_seq for one in await _running(ground, ids)}
    delays: list[float] = []
    while waiting and clock.monotonic() - began < 2 * STUCK_SECONDS:
        await asyncio.sleep(_POLL_SECONDS)
        now = {one.run_id: one.last_seq for one in await _running(ground, ids)}
        for run_id in list(waiting):
            if now.get(run_id, waiting[run_id] + 1) > waiting[run_id]:
                delays.append(clock.monotonic() - began)
                del waiting[run_id]
    return delays + [2 * STUCK_SECONDS for _ in waiting]


async def _running(ground: Ground, ids: list[UUID]) -> list[engine_repository.Progress]:
    for _ in range(100):
        try:
            async with ground.services.db.read() as session:
                found = await engine_repository.find_progress(session, ids)
        except DBAPIError:
            await asyncio.sleep(_POLL_SECONDS)
        else:
            running = {"running"}
            return [one for one in found.values() if one.status in running]
    message = "PostgreSQL did not come back."
    raise TimeoutError(message)


FAULT = Fault(
    id="R-07",
    what="PostgreSQL is stopped with `-m immediate` and started again, 5 times during 10 runs.",
    must="Every run completes, and none is silent for more than 15 s after a restart.",
    play=play,
    rounds=5,
    quick=1,
    stacks=("postgres",),
    changes=CHANGES,
    quick_stacks=("postgres",),
)
