"""Which jobs a worker takes, and what it does, with real workers on the real queue."""

import asyncio
from datetime import timedelta

from rq import Queue
from rq.registry import FailedJobRegistry
from sqlmodel import func, select

from app.backend.agents import ready_made
from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.jobs import Job, JobName, QueueName
from app.backend.core.redis import connect_blocking
from app.backend.core.run_events import RunStatus
from app.backend.core.settings import Settings
from app.backend.knowledge import service as knowledge
from app.backend.knowledge import uploads
from app.backend.knowledge.schemas import DocumentStatus
from app.backend.knowledge.tables import CollectionRow, DocumentRow
from app.backend.system.queues import list_queues
from app.workers.queues import INGEST
from tests.factories.rows import MakeAgent, MakeCollection
from tests.parts import wait_until
from tests.processes import ForkServer
from tests.runs import Runs


async def test_document_that_somebody_waits_for_is_read_before_the_others(
    services: Services,
    settings: Settings,
    fork_server: ForkServer,
    actor: Actor,
    make_collection: MakeCollection,
) -> None:
    collection = await make_collection(actor)
    for number in range(4):
        await uploads.upload_document(
            services,
            actor,
            collection_id=collection.id,
            name=f"{number}.md",
            # Read at once, since it fails: nothing here makes vectors.
            body=f"# Heading {number}".encode(),
            is_awaited=number == 2,
        )
    connection = connect_blocking(settings.redis_url)
    queues = [Queue(name, connection=connection) for name in INGEST]
    assert [queue.count for queue in queues] == [1, 3]

    worker = fork_server.start("app.workers.worker", settings)
    await asyncio.to_thread(
        wait_until,
        lambda: all(queue.is_empty() for queue in queues),
        seconds=30,
        what="All documents are taken",
    )
    worker.stop()
    connection.close()

    async with services.db.read() as session:
        page = await knowledge.list_documents(
            session, actor, collection_id=collection.id
        )
    assert {one.status for one in page.items} == {DocumentStatus.FAILED}
    read = sorted(page.items, key=lambda one: one.updated_at)
    assert [one.name for one in read] == ["2.md", "0.md", "1.md", "3.md"]


async def test_document_waits_for_a_worker_that_reads_and_holds_up_no_run(
    services: Services,
    settings: Settings,
    fork_server: ForkServer,
    actor: Actor,
    make_agent: MakeAgent,
) -> None:
    agent, runs = await make_agent(actor), Runs(services, actor)
    nothing = str(ids.new_id())
    job = Job(name=JobName.DOCUMENT_INGEST, key=f"ingest-{nothing}", subject_id=nothing)
    async with services.db.transaction() as session:
        await services.outbox.add(session, job)
    chosen = settings.model_copy(update={"worker_ingests": False})
    connection = connect_blocking(settings.redis_url)
    documents = Queue(QueueName.INGEST, connection=connection)

    first = fork_server.start("app.workers.worker", chosen)
    run = await runs.wait((await runs.start(agent.id)).id)

    assert run.status == RunStatus.COMPLETED
    assert documents.count == 1
    second = fork_server.start("app.workers.worker", settings)
    await asyncio.to_thread(
        wait_until, documents.is_empty, seconds=20, what="The document is taken"
    )
    for worker in (first, second):
        worker.stop()
    connection.close()


async def test_manual_of_a_new_account_is_uploaded_by_a_worker(
    services: Services, settings: Settings, fork_server: ForkServer, actor: Actor
) -> None:
    query = select(func.count()).select_from(DocumentRow)

    def is_uploaded() -> bool:
        found = services.db.read_now(lambda connection: connection.scalar(query))
        return bool(found)

    await ready_made.install_ready_made(services, actor)
    assert not is_uploaded()

    worker = fork_server.start("app.workers.worker", settings)
    await asyncio.to_thread(wait_until, is_uploaded, seconds=40, what="The manual")
    worker.stop()


async def test_manual_whose_job_failed_is_uploaded_by_one_of_the_same_name(
    services: Services,
    settings: Settings,
    fork_server: ForkServer,
    actor: Actor,
    make_collection: MakeCollection,
) -> None:
    ago = clock.now() - timedelta(hours=1)
    collection = await make_collection(actor, manual_due_at=ago)
    connection = connect_blocking(settings.redis_url)
    failed = FailedJobRegistry(QueueName.INGEST_LATER, connection=connection)
    broken = Job(
        name=JobName.MANUAL_UPLOAD,
        key=f"manual-{collection.id}",
        subject_id="nobody",
    )
    async with services.db.transaction() as session:
        await services.outbox.add(session, broken)
    worker = fork_server.start("app.workers.worker", settings)
    await asyncio.to_thread(
        wait_until, lambda: failed.count == 1, seconds=40, what="The failure"
    )
    await services.outbox.settle()

    assert await ready_made.sweep_manuals(services) == 1

    def is_there() -> bool:
        lacks = select(CollectionRow.manual_due_at)
        return services.db.read_now(lambda one: one.scalar(lacks)) is None

    await asyncio.to_thread(wait_until, is_there, seconds=40, what="The manual")
    worker.stop()
    connection.close()


async def test_manual_waits_behind_what_people_upload(
    services: Services, actor: Actor, make_collection: MakeCollection
) -> None:
    collection = await make_collection(actor, manual_due_at=clock.now())

    await ready_made.upload_manual(services, actor, collection_id=collection.id)

    waiting = {one.name: one.length for one in await list_queues(services.redis)}
    assert waiting[QueueName.INGEST] == 0
    assert waiting[QueueName.INGEST_LATER] == len(ready_made.manual_pages())
