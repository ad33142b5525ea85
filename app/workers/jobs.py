"""What a worker does: one function a job name, each with an id as its only argument."""

import asyncio
import os
import signal
import socket
from functools import partial
from uuid import UUID

from app.backend.bootstrap import Services
from app.backend.identity import service as identity
from app.backend.knowledge import ingest
from app.backend.runs import executor
from app.workers.workplace import do_job


def execute_run(run_id: str) -> None:
    """Carry out a run; a second job for the same run finds it taken and does nothing."""
    do_job(partial(_execute_run, UUID(run_id)))


def ingest_document(document_id: str) -> None:
    """Make a document searchable; it goes on where an earlier job stopped."""
    do_job(partial(_ingest_document, UUID(document_id)))


def purge_document(subject: str) -> None:
    """Remove the originals and vectors of something that was deleted."""
    do_job(partial(_purge_document, subject))


async def _execute_run(run_id: UUID, services: Services) -> None:
    shutdown = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, shutdown.set)
    worker = f"{socket.gethostname()}:{os.getppid()}"
    await executor.execute_run(services, run_id, worker=worker, shutdown=shutdown)


async def _ingest_document(document_id: UUID, services: Services) -> None:
    owner_id = await ingest.find_owner(services, document_id)
    if owner_id is None:
        return
    async with services.db.read() as session:
        actor = await identity.get_actor(session, owner_id)
    await ingest.ingest_document(services, actor, document_id=document_id)


async def _purge_document(subject: str, services: Services) -> None:
    await ingest.purge(services, subject)
