"""A horse: a child that a worker forks ahead, which takes jobs from the queues and does them one at a time."""

import ctypes
import os
import random
import resource
import signal
import socket
import sys
import threading
from pathlib import Path
from types import FrameType

import structlog
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.worker import BaseWorker
from typing_extensions import override

from app.backend.core import ids, redis
from app.backend.core.settings import Settings
from app.workers import workplace
from app.workers.leash import Leash, Token
from app.workers.queues import INGEST, open_queues

logger = structlog.get_logger(__name__)

LOOK_SECONDS = 1
BEAT_SECONDS = 15
# A horse that was killed with its whole worker is listed for so long.
SILENCE_SECONDS = 60
RECONNECT_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1
_MEGABYTE = 1024 * 1024


class Horse(SimpleWorker):
    """RQ's worker without a fork of its own: it *is* the fork, and lives until it is let go, or has worked enough."""

    def __init__(
        self, connection: Redis, settings: Settings, leash: Leash, token: Token
    ) -> None:
        self._settings, self._leash, self._token = settings, leash, token
        self._by_ingest = {
            has_ingest: open_queues(connection, has_ingest=has_ingest)
            for has_ingest in (True, False)
        }
        super().__init__(
            self._by_ingest[settings.worker_ingests],
            name=f"{socket.gethostname()}.{os.getpid()}.{ids.new_id().hex[-8:]}",
            connection=connection,
            worker_ttl=SILENCE_SECONDS,
            job_monitoring_interval=BEAT_SECONDS,
            serializer=JSONSerializer,
        )
        # Who asks for the worker of a machine means the process that horses belong to.
        self.pid = os.getppid()
        self._jobs = 0

    @property
    def is_done(self) -> bool:
        """Whether this process has to end: it was let go, told to stop, or has worked enough."""
        return (
            workplace.is_let_go()
            or not self._leash.is_held()
            or self._jobs >= self._settings.worker_jobs_max
            or (self._jobs > 0 and memory_in_mb() > self._settings.worker_memory_mb)
            or workplace.is_littered()
        )

    @property
    @override
    def connection_timeout(self) -> int:
        return LOOK_SECONDS + 10

    @override
    def subscribe(self) -> None:
        """Listen to no commands: what a run has to hear comes by its row."""

    @override
    def get_heartbeat_ttl(self, job: Job) -> int:
        return BaseWorker.get_heartbeat_ttl(self, job)

    @override
    def _install_signal_handlers(self) -> None:
        """Keep those that `live` has installed for the life of the process."""

    @override
    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Wait for a job, with a look around every second; None when this process has to end."""
        while not self.is_done:
            has_ingest = self._settings.worker_ingests and self._token.take()
            self._ordered_queues = self._by_ingest[has_ingest]
            found = super().dequeue_job_and_maintain_ttl(LOOK_SECONDS, LOOK_SECONDS)
            if found is not None:
                job, queue = found
                if queue.name not in INGEST:
                    self._token.give_back()
                self._leash.took(queue.name, job.id, str(job.args[0]))
                return found
            workplace.look_around()
        return None

    @override
    def execute_job(self, job: Job, queue: Queue) -> None:
        """Do the job, and say meanwhile that it goes on."""
        end = threading.Event()
        beating = threading.Thread(
            target=self._beat, args=(job, end), name="rq-heartbeat", daemon=True
        )
        beating.start()
        try:
            super().execute_job(job, queue)
        finally:
            self._jobs += 1
            end.set()
            beating.join()
            self._leash.is_free()

    @override
    def heartbeat(
        self, timeout: int | None = None, pipeline: Pipeline | None = None
    ) -> None:
        """Say that this horse lives, in one round trip where RQ takes two."""
        if pipeline is not None:
            super().heartbeat(timeout, pipeline)
            return
        with self.connection.pipeline() as own:
            super().heartbeat(timeout, own)
            own.execute()

    @override
    def handle_job_success(
        self, job: Job, queue: Queue, started_job_registry: StartedJobRegistry
    ) -> None:
        """Clear away a job that is done, in one round trip: no result of it is kept, and nothing waits for it.

        One that was handed over twice may be gone already, which does no harm.
        """
        with self.connection.pipeline() as pipeline:
            self.increment_successful_job_count(pipeline=pipeline)
            self.increment_total_working_time(job.ended_at - job.started_at, pipeline)  # pyright: ignore[reportOperatorIssue] - both are set by now
            self.cleanup_execution(job, pipeline=pipeline)
            pipeline.delete(job.key)
            pipeline.execute()

    def _beat(self, job: Job, end: threading.Event) -> None:
        while not end.wait(BEAT_SECONDS) and self.execution is not None:
            try:
                self.maintain_heartbeats(job)
            except RedisError as error:
                logger.warning("horse_heartbeat_failed", error=str(error))


def live(settings: Settings, leash: Leash, token: Token, parent: int) -> None:
    """Be a horse until it is let go; a Redis that is away is waited for."""
    _leave_with(parent)
    random.seed()
    try:
        workplace.get_ready()
    except Exception as error:  # noqa: BLE001 - whatever is away now, the horse must live to take jobs
        logger.warning("horse_not_ready", error=str(error))
    is_done = False
    while not is_done and leash.is_held():
        is_done = _work(settings, leash, token)
        if not is_done:
            leash.wait(RECONNECT_SECONDS)
    workplace.close()


def memory_in_mb() -> float:
    """Return how much memory this process uses, with what it shares; where the system does not tell, its most so far."""
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / _MEGABYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MEGABYTE


def _work(settings: Settings, leash: Leash, token: Token) -> bool:
    connection = redis.connect_blocking(settings.redis_url)
    try:
        horse = Horse(connection, settings, leash, token)
        horse.get_redis_server_version()
        horse.work(logging_level="WARNING")
    except (RedisError, OSError) as error:
        logger.warning("horse_lost_redis", error=str(error))
        return False
    finally:
        connection.close()
    return horse.is_done


def _let_go(_number: int, _frame: FrameType | None) -> None:
    workplace.let_go()


def _leave_with(parent: int) -> None:
    # Signals of the worker's terminal are not for its horses.
    os.setpgrp()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _let_go)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)
