"""What a worker does: one function a job name, each with an id as its only argument."""

import asyncio
import os
import socket
from collections.abc import Coroutine
from functools import partial
from typing import Any
from uuid import UUID

from app.backend.agents import ready_made
from app.backend.bootstrap import Services
from app.backend.core import acting
from app.backend.identity import mail
from app.backend.identity import service as identity
from app.backend.knowledge import ingest, purging
from app.backend.runs import executor
from app.workers.workplace import do_job


def execute_run(run_id: str) -> None:
    """Carry out the run whose turn it is; a job more than there are runs in line does nothing."""
    do_job(partial(_execute_run, UUID(run_id)))


def ingest_document(document_id: str) -> None:
    """Make a document searchable; it goes on where an earlier job stopped."""
    do_job(partial(_ingest_document, UUID(document_id)))


def upload_manual(subject: str) -> None:
    """Upload the manual of a new account."""
    owner_id, collection_id = map(UUID, subject.split("/"))
    do_job(partial(_upload_manual, owner_id, collection_id))


def purge_document(subject: str) -> None:
    """Remove the originals and vectors of something that was deleted."""
    do_job(partial(_purge_document, subject))


def send_mail(mail_id: str) -> None:
    """Send a letter; the scheduler asks again later when the mail server does not take it."""
    do_job(partial(_send_mail, UUID(mail_id)))


def worker_name(pid: int) -> str:
    """Return how the horse with this process id signs the runs that it claims."""
    return f"{socket.gethostname()}:{pid}"


async def _execute_run(
    run_id: UUID, services: Services, shutdown: asyncio.Event
) -> None:
    worker = worker_name(os.getpid())
    await executor.execute_run(services, run_id, worker=worker, shutdown=shutdown)


async def _ingest_document(
    document_id: UUID, services: Services, shutdown: asyncio.Event
) -> None:
    with acting.as_system():
        async with services.db.read() as session:
            owner_id = await ingest.find_owner(session, document_id)
            # While the owner is suspended the scheduler asks again, until they are back.
            actor = await identity.find_actor(session, owner_id) if owner_id else None
    if actor is None:
        return
    with acting.as_user(actor.user_id):
        work = ingest.ingest_document(services, actor, document_id=document_id)
        await _unless(shutdown, work)


async def _upload_manual(
    owner_id: UUID, collection_id: UUID, services: Services, shutdown: asyncio.Event
) -> None:
    async with services.db.read() as session:
        # While the owner is suspended the scheduler asks again, until they are back.
        actor = await identity.find_actor(session, owner_id)
    if actor is None:
        return
    work = ready_made.upload_manual(services, actor, collection_id=collection_id)
    await _unless(shutdown, work)


async def _purge_document(
    subject: str, services: Services, shutdown: asyncio.Event
) -> None:
    await _unless(shutdown, purging.purge(services, subject))


async def _send_mail(
    mail_id: UUID, services: Services, shutdown: asyncio.Event
) -> None:
    await _unless(shutdown, mail.deliver(services, mail_id))


async def _unless(shutdown: asyncio.Event, work: Coroutine[Any, Any, object]) -> None:
    # What is cut off here is found by the scheduler, and goes on where it stopped.
    working = asyncio.create_task(work)
    waiting = asyncio.create_task(shutdown.wait())
    await asyncio.wait([working, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not working.done():
        working.cancel()
        await asyncio.wait([working])
    if not working.cancelled():
        working.result()
