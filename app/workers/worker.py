"""A worker process: takes jobs from the queues and forks one child for each, ready to go."""

import asyncio
import ctypes
import gc
import importlib
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from functools import partial

import structlog
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import configure_mappers
from typing_extensions import override

from app.backend import bootstrap
from app.backend.agents.context import Task
from app.backend.agents.schemas import AgentKind
from app.backend.agents.spec import AgentSpec
from app.backend.core import ids, logging, redis, tls
from app.backend.core import settings as settings_module
from app.backend.core.actor import Actor, Role
from app.backend.core.errors import Invalid
from app.backend.core.jobs import FUNCTIONS
from app.backend.core.run_context import RunContext
from app.backend.core.run_events import Event
from app.backend.core.settings import Settings
from app.backend.providers.errors import ModelMissing
from app.backend.runs.claiming import claim_run
from app.backend.runs.runner import run_agent, run_to_end
from app.workers.queues import open_queues

logger = structlog.get_logger(__name__)

# Imported once here, so that the child of a job begins at once. Nothing that owns a socket exists at import.
PRELOADED = (
    "app.workers.jobs",
    "app.backend.tables",
    "bm25s",
    "chromadb",
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
    """RQ's worker, made to outlive a Redis that is away and to give its run back when it must stop."""

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
    asyncio.run(rehearse(settings))
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


async def rehearse(settings: Settings) -> None:
    """Play a run, and claim one that is not there: much is done at its first use, and children inherit that."""
    memory = settings.model_copy(update={"checkpointer": "memory"})
    async with bootstrap.build(memory, pooled=False) as services:
        # A default model that is not set up is said by the run that asks for it.
        with suppress(Invalid, ModelMissing):
            services.models.get(settings.default_model)
        spec = AgentSpec(
            id=ids.new_id(),
            name="Rehearsal",
            kind=AgentKind.ANSWER,
            instructions="",
            model="scripted/hello",
            temperature=0,
            max_tokens=50,
            passages=1,
        )
        nobody = Actor(
            user_id=ids.new_id(), email="", role=Role.VIEWER, permissions=frozenset()
        )
        context = RunContext(
            actor=nobody,
            run_id=ids.new_id(),
            agent_id=spec.id,
            thread_id=None,
            emit=_ignore,
            is_cancelled=lambda: False,
        )
        task = Task(spec=spec, query="Ready?")
        await run_to_end(partial(run_agent, services, task, context), seconds=30)
        with suppress(DBAPIError):
            await claim_run(services, ids.new_id(), worker="")


def _ignore(event: Event) -> None:
    del event


def work(settings: Settings) -> bool:
    """Take jobs; returns True when asked to stop, False when Redis went away."""
    connection = redis.connect_blocking(settings.redis_url)
    try:
        worker = ForkingWorker(
            open_queues(connection, has_ingest=settings.worker_ingests),
            connection=connection,
            serializer=JSONSerializer,
        )
        worker.work(logging_level="WARNING")
    except (RedisError, OSError) as error:
        logger.warning("worker_lost_redis", error=str(error))
        return False
    finally:
        connection.close()
    return worker.is_asked_to_stop


if __name__ == "__main__":
    main()
