"""A slot of a horse: RQ's worker in a thread, which takes jobs from the queues and does them one at a time."""

import os
import socket
import threading
from typing import Protocol

import structlog
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty
from rq.worker import BaseWorker
from typing_extensions import override

from app.backend.core import ids
from app.backend.core.settings import Settings
from app.workers import workplace
from app.workers.leash import Token
from app.workers.queues import INGEST, open_queues

logger = structlog.get_logger(__name__)

LOOK_SECONDS = 1
BEAT_SECONDS = 15
# A slot that was killed with its whole worker is listed for so long.
SILENCE_SECONDS = 60


class Holder(Protocol):
    """The horse that a slot is of."""

    def may_wait(self, slot: "Slot") -> bool:
        """Tell whether this slot is to wait for a job."""
        ...

    def took(self, slot: "Slot", queue: str, job_id: str, subject: str) -> None:
        """Hear that the slot has a job."""
        ...

    def is_free(self, slot: "Slot") -> None:
        """Hear that the slot has no job any more."""
        ...


class _Untimed(BaseDeathPenalty):
    """Leaves it to the workplace to end a job that takes too long: RQ's own way needs the main thread."""

    @override
    def setup_death_penalty(self) -> None:
        """Do nothing."""

    @override
    def cancel_death_penalty(self) -> None:
        """Do nothing."""


class Slot(SimpleWorker):
    """RQ's worker without a fork of its own: it lives in the fork, until its horse wants no more jobs in it."""

    death_penalty_class = _Untimed

    def __init__(
        self, connection: Redis, settings: Settings, horse: Holder, token: Token
    ) -> None:
        self._settings, self._horse, self._token = settings, horse, token
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
        """Keep those that the horse has installed for the life of the process."""

    @override
    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Wait for a job, with a look around every second; None when this slot is no longer needed."""
        while self._horse.may_wait(self):
            has_ingest = self._settings.worker_ingests and self._token.take(self.name)
            self._ordered_queues = self._by_ingest[has_ingest]
            found = super().dequeue_job_and_maintain_ttl(LOOK_SECONDS, LOOK_SECONDS)
            if found is not None:
                job, queue = found
                if queue.name not in INGEST:
                    self._token.give_back(self.name)
                self._horse.took(self, queue.name, job.id, str(job.args[0]))
                return found
            workplace.look_around()
        self._token.give_back(self.name)
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
            end.set()
            beating.join()
            self._horse.is_free(self)

    @override
    def heartbeat(
        self, timeout: int | None = None, pipeline: Pipeline | None = None
    ) -> None:
        """Say that this slot lives, in one round trip where RQ takes two."""
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
                logger.warning("slot_heartbeat_failed", error=str(error))
