"""R-08: the same run is given to the workers a hundred times at once."""

import asyncio
from uuid import UUID

from rq import Queue
from rq.serializers import JSONSerializer

from app.backend.core import ids
from app.backend.core.jobs import FUNCTIONS, JobName, QueueName
from app.backend.core.redis import connect_blocking
from app.backend.runs import engine_repository
from app.backend.runs.claiming import claim_next
from chaos.fault import Fault
from chaos.ground import Ground
from chaos.outcome import Outcome, Trial, sum_up

WORKERS = 4
JOBS = 100
WORDS = 20


async def play(ground: Ground, rounds: int) -> Outcome:
    """Ask for `rounds` runs a hundred times each: half of the askers are jobs of real workers, half ask right here."""
    await ground.open(workers=WORKERS)
    agent = await ground.add_agent(tokens=WORDS, tokens_per_second=20)
    trials: list[Trial] = []
    owners = 0
    for _ in range(rounds):
        run = await ground.runs.start(agent)
        await asyncio.to_thread(enqueue, ground, run.id)
        trial = await ground.judge(run.id, words=WORDS)
        await _until_empty(ground)
        owners = await _claims(ground, run.id)
        problem = "" if owners == 1 else f"{owners} workers took the run"
        again = await ground.judge(run.id, words=WORDS)
        trials += [
            Trial(trial.problem or again.problem or problem, duplicates=owners - 1),
            await _ask_at_once(ground),
        ]
    return sum_up(trials, figures={"jobs and calls for each run": f"{JOBS}"})


async def _ask_at_once(ground: Ground) -> Trial:
    """Claim one queued run a hundred times at once, on connections of their own."""
    row = await ground.rows.run(ground.actor, last_seq=0)
    calls = [
        claim_next(ground.services, worker=f"caller:{number}") for number in range(JOBS)
    ]
    callers = sum(claimed is not None for claimed in await asyncio.gather(*calls))
    # A worker that comes late for one of the jobs before may be the one who has it.
    owners = max(callers, await _claims(ground, row.id))
    await ground.runs.stop(row.id)
    problem = "" if owners == 1 else f"{owners} of {JOBS} callers took the run"
    return Trial(problem, duplicates=max(0, owners - 1))


def enqueue(ground: Ground, run_id: UUID, *, count: int = JOBS) -> None:
    """Ask for the run as often as that, by jobs that RQ takes for different ones."""
    with connect_blocking(ground.services.settings.redis_url) as redis:
        queue = Queue(QueueName.RUNS, connection=redis, serializer=JSONSerializer)
        for _ in range(count):
            queue.enqueue_call(
                FUNCTIONS[JobName.RUN_EXECUTE],
                args=(str(run_id),),
                job_id=f"again-{run_id}-{ids.new_id()}",
                result_ttl=0,
            )


async def _until_empty(ground: Ground) -> None:
    with connect_blocking(ground.services.settings.redis_url) as redis:
        queue = Queue(QueueName.RUNS, connection=redis, serializer=JSONSerializer)
        for _ in range(600):
            if not await asyncio.to_thread(len, queue):
                return
            await asyncio.sleep(0.1)
    message = "The jobs were not taken within a minute."
    raise TimeoutError(message)


async def _claims(ground: Ground, run_id: UUID) -> int:
    async with ground.services.db.read() as session:
        row = await engine_repository.find_run(session, run_id)
    assert row is not None
    return row.epoch


FAULT = Fault(
    id="R-08",
    what="The same run is given to the workers as 100 jobs at once, and claimed by 100 callers at once.",
    must="One has it, 99 do nothing.",
    play=play,
    rounds=5,
    quick=1,
    quick_stacks=(),
)
