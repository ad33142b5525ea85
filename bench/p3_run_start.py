"""P3: from a click on Run to the run's first event in a worker, beside a bare RQ job in the same worker."""

import asyncio
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import time

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from app.backend import bootstrap
from app.backend.bootstrap import Services
from app.backend.core import ids
from app.backend.core.actor import Actor
from app.backend.core.jobs import QueueName
from app.backend.core.settings import Settings
from bench.report import Row, percentile, report
from tests.factories.rows import RowFactory
from tests.processes import ForkServer
from tests.runs import Runs
from tests.stack import start_stack

RUNS = 20
ROUNDS = 3
GOAL = "p50 <= 25 ms, p99 <= 80 ms"


def note_time(key: str) -> None:
    """Be a job that does nothing but say when it began."""
    began = time()
    with Redis.from_url(key.split("|")[1]) as redis:
        redis.rpush(key.split("|")[0], began)


async def main(settings: Settings) -> None:
    """Start runs and bare jobs in turn, one at a time."""
    times: dict[str, list[float]] = {"bare RQ job": [], "run": []}
    async with bootstrap.build(settings) as services:
        rows = RowFactory(services.db)
        actor = await rows.user()
        agent = await rows.agent(actor, model="scripted/hello")
        runs = Runs(services, actor)
        await runs.wait((await runs.start(agent.id)).id, seconds=60)
        await _start_job(services)
        for _ in range(ROUNDS * RUNS):
            times["bare RQ job"].append(await _start_job(services))
            times["run"].append(await _start_run(runs, agent.id, actor))
    floor = percentile(times["bare RQ job"], 50)
    found: list[Row] = [
        {
            "what": name,
            "p50 ms": percentile(values, 50),
            "p95 ms": percentile(values, 95),
            "p99 ms": percentile(values, 99),
            "of the bare job": percentile(values, 50) / floor,
        }
        for name, values in times.items()
    ]
    report(
        "p3_run_start", "Click on Run to first event in the worker", found, goal=GOAL
    )


async def _start_job(services: Services) -> float:
    key, url = f"bench:{ids.new_id()}", services.settings.redis_url
    with Redis.from_url(url) as redis:
        queue = Queue(QueueName.RUNS, connection=redis, serializer=JSONSerializer)
        began = time()
        queue.enqueue("bench.p3_run_start.note_time", f"{key}|{url}", result_ttl=0)
        entry = redis.blpop([key], timeout=30)
    assert isinstance(entry, tuple), "The job did not run."
    await _settle()
    return (float(entry[1]) - began) * 1000


async def _start_run(runs: Runs, agent_id: object, _actor: Actor) -> float:
    run = await runs.start(agent_id)  # pyright: ignore[reportArgumentType]
    await runs.wait(run.id)
    queued, started, *_ = await runs.events(run.id)
    assert (queued.type, started.type) == ("run_queued", "run_started")
    await _settle()
    return (started.ts - queued.ts).total_seconds() * 1000


async def _settle() -> None:
    # The worker is back at its queue, as it is when somebody clicks.
    await asyncio.sleep(0.1)


@contextmanager
def installation() -> Generator[Settings, None, None]:
    """Start an installation with one worker."""
    with (
        start_stack("sqlite") as stack,
        ForkServer(stack) as server,
        tempfile.TemporaryDirectory() as folder,
        stack.make_installation(Path(folder) / "data") as settings,
    ):
        worker = server.start("app.workers.worker", settings)
        yield settings
        worker.stop()


if __name__ == "__main__":
    with installation() as chosen:
        asyncio.run(main(chosen))
