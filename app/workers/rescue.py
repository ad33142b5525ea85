"""What a worker does when a horse dies with a job: a child of its own gives the run back and clears up in the queue."""

import asyncio
import socket
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
from app.backend.core.settings import Settings
from app.backend.runs.upkeep import make_recovery
from app.workers.jobs import worker_name

# After that the lease tells what happened.
_SECONDS = 5.0


@dataclass(frozen=True)
class LostJob:
    """What the dead horse was doing."""

    pid: int
    queue: str
    job_id: str
    subject: str


def rescue(lost: LostJob, *, is_run: bool) -> None:
    """Let another horse go on with the run, now and not when its lease expires."""
    settings = settings_module.load()
    if is_run:
        asyncio.run(_give_back(settings, lost))
    with redis.connect_blocking(settings.redis_url) as connection, suppress(RedisError):
        _clear_up(connection, lost)


async def _give_back(settings: Settings, lost: LostJob) -> None:
    async with (
        asyncio.timeout(_SECONDS),
        bootstrap.build(settings, shared=True) as services,
    ):
        with acting.as_system():
            await make_recovery(services).release(worker=worker_name(lost.pid))


def _clear_up(connection: Redis, lost: LostJob) -> None:
    with suppress(NoSuchJobError):
        Job.fetch(lost.job_id, connection, serializer=JSONSerializer).delete()
    name = f":{socket.gethostname()}.{lost.pid}."
    for key in Worker.all_keys(connection):
        if name in key:
            found = Worker.find_by_key(key, connection, serializer=JSONSerializer)
            if found is not None:
                found.register_death()
