"""A worker process: takes jobs from the queues and gives each to a child that is forked and ready to go."""

import asyncio
import ctypes
import gc
import importlib
import os
import signal
import sys
import threading
import time
from typing import cast

import structlog
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.exceptions import NoSuchJobError
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy.orm import configure_mappers
from typing_extensions import override

from app.backend.core import logging, redis, tls
from app.backend.core import settings as settings_module
from app.backend.core.jobs import FUNCTIONS
from app.backend.core.settings import Settings
from app.workers import rehearsal, workplace
from app.workers.queues import open_queues
from app.workers.spare import Spare

logger = structlog.get_logger(__name__)

# Imported once here, so that the child of a job begins at once. Nothing that owns a socket exists at import.
PRELOADED = (
    "app.workers.jobs",
    "app.backend.tables",
    "bm25s",
    "langchain_openai",
    "langgraph.checkpoint.sqlite.aio",
    "langgraph.graph",
    "numpy",
    "redis.asyncio",
)
# A run may finish within this time after SIGTERM; then it goes back into the queue.
DRAIN_SECONDS = 5.0
RECONNECT_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1


class ForkingWorker(Worker):
    """RQ's worker, with a child in reserve; it outlives a Redis that is away, and gives its run back when it must stop."""

    _spare: Spare | None = None

    @property
    def is_asked_to_stop(self) -> bool:
        """Whether the process was told to end; RQ notes it apart when no job is under way."""
        return self._stop_requested or self._shutdown_requested_date is not None

    @override
    def handle_warm_shutdown_request(self) -> None:
        """Give the job some time, then ask it to let go."""
        timer = threading.Timer(DRAIN_SECONDS, self._ask_to_let_go)
        timer.daemon = True
        timer.start()

    @override
    def maintain_heartbeats(self, job: Job) -> None:
        """Say that the job goes on; without Redis that waits."""
        try:
            super().maintain_heartbeats(job)
        except RedisError as error:
            logger.warning("worker_heartbeat_failed", error=str(error))

    def stand_by(self) -> None:
        """Have a child in reserve."""
        self._spare = self._spare or self._make_spare()

    def stand_down(self) -> None:
        """Let the child in reserve go."""
        if self._spare is not None:
            self._spare.dismiss()
            self._spare = None

    @override
    def execute_job(self, job: Job, queue: Queue) -> None:
        """Have the job done, then be ready for the next."""
        super().execute_job(job, queue)
        self.stand_by()

    @override
    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Give the job to the child in reserve."""
        # RQ has just made it, in `execute_job`.
        execution = cast("Execution", self.execution)
        order = (job.id, queue.name, execution.id)
        spare = self._spare
        if spare is None or not spare.give(order):
            spare = self._make_spare()
            spare.give(order)
        self._spare = None
        self._horse_pid = spare.pid

    def _make_spare(self) -> Spare:
        return Spare(self._get_ready, self._take_order)

    def _get_ready(self) -> None:
        try:
            self.connection.execute_command("PING")
            workplace.get_ready()
        except Exception as error:  # noqa: BLE001 - whatever is away now, the child must live to take its order
            logger.warning("reserve_not_ready", error=str(error))

    def _take_order(self, job_id: str, queue_name: str, execution_id: str) -> None:
        connection = self.connection
        try:
            job = Job.fetch(job_id, connection, serializer=JSONSerializer)
        except (RedisError, NoSuchJobError) as error:
            # The row is still queued, and the scheduler gives it another job.
            logger.warning("job_not_fetched", job_id=job_id, error=str(error))
            return
        queue = Queue(queue_name, connection=connection, serializer=JSONSerializer)
        self.execution = Execution(execution_id, job_id, connection)
        self.main_work_horse(job, queue)

    @override
    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Do the job in the child, which asks to be told when its parent dies."""
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        super().main_work_horse(job, queue)

    def _ask_to_let_go(self) -> None:
        if self.horse_pid:
            os.kill(self.horse_pid, signal.SIGTERM)


def main() -> None:
    """Work until told to stop."""
    settings = settings_module.load()
    logging.configure(settings, "worker")
    preload()
    asyncio.run(rehearsal.rehearse(settings))
    gc.collect()
    gc.freeze()
    while not work(settings):
        # RQ gives up when Redis is away for long; a new process would only have to import all again.
        time.sleep(RECONNECT_SECONDS)


def preload() -> None:
    """Import what jobs need."""
    for module in PRELOADED:
        importlib.import_module(module)
    for path in FUNCTIONS.values():
        module, _, function = path.rpartition(".")
        getattr(importlib.import_module(module), function)
    tls.trusted()
    configure_mappers()


def work(settings: Settings) -> bool:
    """Take jobs; returns True when asked to stop, False when Redis went away."""
    connection = redis.connect_blocking(settings.redis_url)
    worker = ForkingWorker(
        open_queues(connection, has_ingest=settings.worker_ingests),
        connection=connection,
        serializer=JSONSerializer,
    )
    worker.stand_by()
    try:
        worker.work(logging_level="WARNING")
    except (RedisError, OSError) as error:
        logger.warning("worker_lost_redis", error=str(error))
        return False
    finally:
        worker.stand_down()
        connection.close()
    return worker.is_asked_to_stop


if __name__ == "__main__":
    main()
