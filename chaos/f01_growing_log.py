"""F-01: what an event costs does not depend on how long its log already is."""

import asyncio
import contextlib
import statistics
import time
from datetime import timedelta
from uuid import UUID

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.run_events import Log, RunCompleted, RunOutput, RunStatus
from app.backend.runs.event_log import EventLog
from app.backend.runs.status import end_run
from chaos.fault import Fault
from chaos.ground import Ground
from chaos.outcome import Outcome, Trial, sum_up

EVENTS = 20_000
TIMES = 10
BATCH = 100
GROWTH_MAX = 11.0


async def play(ground: Ground, rounds: int) -> Outcome:
    """Write and watch a log, and one ten times as long, `rounds` times; the processor time is that of writer and viewer."""
    await _write(ground, EVENTS)
    ratios: list[float] = []
    trials: list[Trial] = []
    for _ in range(rounds):
        short, long = [await _write(ground, EVENTS * n) for n in (1, TIMES)]
        ratios.append(long / short)
        trials.append(Trial())
    middle = statistics.median(ratios)
    found = sum_up(
        trials,
        figures={
            f"processor time of {EVENTS * TIMES:,} events to that of {EVENTS:,}": ", ".join(
                f"{ratio:.1f}" for ratio in ratios
            )
        },
    )
    if middle > GROWTH_MAX:
        found.late.append(f"{TIMES} times the events cost {middle:.1f} times as much")
    return found


async def _write(ground: Ground, count: int) -> float:
    services = ground.services
    row = await ground.rows.run(
        ground.actor,
        status=RunStatus.RUNNING,
        epoch=1,
        lease_until=clock.now() + timedelta(hours=1),
    )
    watching = asyncio.create_task(_count(services, row.id))
    began = time.process_time()
    async with EventLog(services.db, row, services.streams.add) as log:
        for number in range(count):
            log.append(Log(message=f"Line {number} of a log that grows and grows."))
            if number % BATCH == 0:
                await log.flush()
        await log.flush()
        end = RunCompleted(output=RunOutput(answer="Done."), milliseconds=1.0)
        async with services.db.transaction() as session:
            ended = await end_run(session, row.id, end, epoch=1)
            assert ended is not None
        await log.tell(ended[1])
        seen = await watching
    assert seen == count + 1, f"The viewer has {seen} of {count + 1} events."
    return time.process_time() - began


async def _count(services: Services, run_id: UUID) -> int:
    # It keeps no events, as no viewer does: Python looks through all that a process has, again and again.
    seen = 0
    async with contextlib.aclosing(services.feed.follow(run_id)) as batches:
        async for batch in batches:
            assert batch[0].seq == seen + 1, f"{batch[0].seq} came after {seen}."
            seen = batch[-1].seq
    return seen


FAULT = Fault(
    id="F-01",
    what="A log is written and watched, then one that is ten times as long.",
    must="In the median the long one costs at most eleven times the processor time.",
    play=play,
    rounds=3,
    quick=1,
    quick_stacks=(),
)
