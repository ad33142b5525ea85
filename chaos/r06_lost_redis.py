"""R-06: Redis is killed, and comes back empty, while runs go on and people watch."""

import asyncio
from uuid import UUID

from chaos.fault import Fault
from chaos.ground import Ground
from chaos.outcome import Outcome, Trial, sum_up
from chaos.viewers import Viewer, open_client
from chaos.waiting import last_seqs, when_caught_up

WORKERS = 2
WORDS = 120
SECONDS = 6.0
RUNS = 10
CAUGHT_UP_SECONDS = 5.0


async def play(ground: Ground, rounds: int) -> Outcome:
    """Kill Redis `rounds` times during twice as many runs."""
    count = min(RUNS, 2 * rounds)
    await ground.open(workers=min(WORKERS, count))
    ground.machine.start_web()
    agent = await ground.add_agent(tokens=WORDS, tokens_per_second=WORDS / SECONDS)
    pauses = ground.moments(rounds, 0.5, 2.5)
    outages = ground.moments(rounds, 0.1, 1.0)
    async with open_client(ground) as client:
        ids = [(await ground.runs.start(agent)).id for _ in range(count)]
        viewers = {run_id: Viewer(client, run_id) for run_id in ids}
        watching = [asyncio.create_task(viewer.follow()) for viewer in viewers.values()]
        delays: list[float] = []
        for pause, outage in zip(pauses, outages, strict=True):
            await asyncio.sleep(pause)
            ground.machine.redis.kill()
            await asyncio.sleep(outage)
            await asyncio.to_thread(ground.machine.redis.start)
            delays += await when_caught_up(viewers, await last_seqs(ground, ids))
        verdicts = {run_id: await ground.judge(run_id, words=WORDS) for run_id in ids}
        await asyncio.wait(watching, timeout=10)
    trials = [
        await _trial(ground, run_id, viewers[run_id], verdict)
        for run_id, verdict in verdicts.items()
    ]
    times = [Trial(seconds=delay) for delay in delays]
    summary = sum_up(times, p95_max=CAUGHT_UP_SECONDS)
    found = sum_up(trials)
    return Outcome(
        good=found.good,
        of=found.of,
        p95_seconds=summary.p95_seconds,
        duplicates=found.duplicates,
        lost=found.lost,
        figures={"times Redis was killed": str(rounds)},
        problems=found.problems,
        late=summary.late,
    )


async def _trial(ground: Ground, run_id: UUID, viewer: Viewer, verdict: Trial) -> Trial:
    if verdict.problem:
        return verdict
    return await ground.judge(run_id, words=WORDS, seen=viewer.events())


FAULT = Fault(
    id="R-06",
    what="Redis is killed and comes back empty, 5 times during 10 runs that are watched over HTTP.",
    must="Every run completes, no event is lost, and the viewers have caught up within 5 s (p95).",
    play=play,
    rounds=5,
    quick=1,
)
