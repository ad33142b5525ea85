"""What a worker does when a horse dies with jobs: a child of its own gives the runs back and clears up in the queue."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from redis import Redis
from redis.exceptions import RedisError
from rq import Worker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from app.backend import bootstrap
from app.backend.core import acting, redis
from app.backend.core import settings as settings_module
from app.backend.core.jobs import QueueName
from app.backend.core.settings import Settings
from app.backend.runs.upkeep import make_recovery
from app.workers.jobs import worker_name

# After that the lease tells what happened.
_SECONDS = 5.0


@dataclass(frozen=True)
class LostJob:
    """A job of a dead horse."""

    slot: str
    queue: str
    job_id: str
    subject: str


def rescue(pid: int, lost: Sequence[LostJob]) -> None:
    """Let other horses go on with the runs of one, now and not when their leases expire."""
    settings = settings_module.load()
    if any(job.queue == QueueName.RUNS for job in lost):
        asyncio.run(_give_back(settings, pid))
    with redis.connect_blocking(settings.redis_url) as connection, suppress(RedisError):
        _clear_up(connection, pid, lost)


async def _give_back(settings: Settings, pid: int) -> None:
    async with (
        asyncio.timeout(_SECONDS),
        bootstrap.build(settings, shared=True) as services,
    ):
        with acting.as_system():
            await make_recovery(services).release(worker=worker_name(pid))


def _clear_up(connection: Redis, pid: int, lost: Sequence[LostJob]) -> None:
    for job in lost:
        with suppress(NoSuchJobError):
            Job.fetch(job.job_id, connection, serializer=JSONSerializer).delete()
    name = f":{socket.gethostname()}.{pid}."
    for key in Worker.all_keys(connection):
        if name in key:
            found = Worker.find_by_key(key, connection, serializer=JSONSerializer)
            if found is not None:
                found.register_death()
