"""R-11: everything is told to end while runs go on, and is started again."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

import httpx

from app.backend.core import clock
from chaos.fault import Fault
from chaos.ground import Ground
from chaos.outcome import Outcome, Trial, sum_up
from chaos.viewers import open_client
from tests.processes import Fork

WORKERS = 2
WORDS_PER_SECOND = 10
# Longer than a worker lets its runs come to an end, so that they do not.
BEYOND_DRAIN_SECONDS = 8.0
REDIS_SECONDS = 1.5
STOP_SECONDS = 40
_POLL_SECONDS = 0.05


async def play(ground: Ground, rounds: int) -> Outcome:
    """Tell workers, scheduler and web to end in the middle of `rounds` live runs, then start all again."""
    scheduler = await ground.open(workers=WORKERS)
    web = ground.machine.start_web()
    seconds = ground.services.settings.worker_drain_seconds + BEYOND_DRAIN_SECONDS
    words = int(seconds * WORDS_PER_SECOND)
    agent = await ground.add_agent(tokens=words, tokens_per_second=WORDS_PER_SECOND)
    answers: list[int] = []
    async with open_client(ground) as client:
        ids = [(await ground.runs.start(agent)).id for _ in range(rounds)]
        for run_id in ids:
            await ground.runs.wait_for_event(run_id, "message_delta")
        polling = asyncio.create_task(_poll(client, ids[0], answers))
        await asyncio.sleep(REDIS_SECONDS)
        began = clock.monotonic()
        old = [*ground.workers.values(), scheduler, web]
        left = await _end(old)
        took = clock.monotonic() - began
        ground.workers.clear()
        await asyncio.to_thread(ground.machine.start_web)
        await ground.open(workers=WORKERS)
        trials = [await _trial(ground, run_id, words) for run_id in ids]
        polling.cancel()
    errors = [
        status for status in answers if status >= httpx.codes.INTERNAL_SERVER_ERROR
    ]
    found = sum_up(
        trials,
        figures={
            "answers of the API meanwhile": f"{len(answers):,}, {len(errors)} of them 5xx",
            "until all had ended": f"{took:.1f} s",
        },
    )
    found.problems.extend(f"{status} from the API" for status in errors[:3])
    found.problems.extend(f"process {one.pid} did not end" for one in left)
    return found


async def _end(processes: Sequence[Fork]) -> list[Fork]:
    """Ask all to end; returns those that have not ended by themselves, which are killed now."""
    for process in processes:
        process.ask_to_end()
    with suppress(TimeoutError):
        async with asyncio.timeout(STOP_SECONDS):
            while any(process.is_running() for process in processes):
                await asyncio.sleep(_POLL_SECONDS)
    left = [process for process in processes if process.is_running()]
    for process in left:
        process.kill()
    return left


async def _trial(ground: Ground, run_id: UUID, words: int) -> Trial:
    trial = await ground.judge(run_id, words=words)
    run = await ground.runs.get(run_id)
    if not trial.problem and run.attempt != 1:
        return Trial(f"{run.attempt} attempts were used up")
    return trial


async def _poll(client: httpx.AsyncClient, run_id: UUID, answers: list[int]) -> None:
    while True:
        with suppress(httpx.TransportError):
            answer = await client.get(f"/api/v1/runs/{run_id}")
            answers.append(answer.status_code)
        await asyncio.sleep(_POLL_SECONDS)


FAULT = Fault(
    id="R-11",
    what="Web, workers and scheduler get SIGTERM while 10 runs go on, and are started again.",
    must="Every run completes, no attempt is used up, and the API answers no 5xx.",
    play=play,
    rounds=10,
    quick=1,
)
