"""Documents that lost their job are queued again, each once, and none is forgotten behind others."""

from datetime import timedelta
from uuid import UUID

import pytest
from redis.asyncio import Redis
from sqlmodel import col, select, update

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.jobs import Job, JobName, QueueName
from app.backend.knowledge import ingest, ingest_rows, recovery, uploads
from app.backend.knowledge.schemas import DocumentStatus
from app.backend.knowledge.tables import CollectionRow, DocumentRow
from app.backend.system.queues import list_queues

LONG_AGO = timedelta(hours=1)


async def _upload(
    parts: Services, actor: Actor, collection: CollectionRow, *, count: int = 1
) -> list[UUID]:
    documents = [
        await uploads.upload_document(
            parts,
            actor,
            collection_id=collection.id,
            name=f"{number}.md",
            body=f"# Heading {number}\n\nThe pump is reset by its green button.".encode(),
        )
        for number in range(count)
    ]
    await parts.outbox.settle()
    return [one.id for one in documents]


async def _change(parts: Services, document_id: UUID, **values: object) -> None:
    async with parts.db.transaction() as session:
        query = update(DocumentRow).where(col(DocumentRow.id) == document_id)
        await session.exec(query.values(**values))


async def _read(parts: Services, document_id: UUID) -> DocumentRow:
    async with parts.db.read() as session:
        query = select(DocumentRow).where(col(DocumentRow.id) == document_id)
        return (await session.exec(query)).one()


async def _lose(redis: Redis) -> None:
    for name in (QueueName.INGEST, QueueName.INGEST_LATER):
        await redis.delete(f"rq:queue:{name}")


async def test_sweep_queues_what_nobody_works_on(
    parts: Services, actor: Actor, collection: CollectionRow
) -> None:
    (document_id,) = await _upload(parts, actor, collection)
    lease_until = clock.now() + timedelta(minutes=1)
    await parts.db.write(
        lambda connection: ingest_rows.claim_document(
            connection, document_id, lease_until=lease_until
        )
    )
    assert await recovery.sweep_documents(parts) == 0
    await _change(parts, document_id, lease_until=clock.now() - timedelta(seconds=1))

    assert await recovery.sweep_documents(parts) == 1

    await ingest.ingest_document(parts, actor, document_id)
    assert (await _read(parts, document_id)).status == DocumentStatus.READY


@pytest.mark.parametrize("name", [JobName.DOCUMENT_INGEST, JobName.MANUAL_UPLOAD])
async def test_document_whose_turn_has_not_come_is_not_queued_again(
    parts: Services, actor: Actor, collection: CollectionRow, name: JobName
) -> None:
    (document_id,) = await _upload(parts, actor, collection)
    await _change(parts, document_id, updated_at=clock.now() - LONG_AGO)
    await _lose(parts.redis)
    async with parts.db.transaction() as session:
        job = Job(name=name, key="something-else", subject_id="x")
        await parts.outbox.add(session, job)
    await parts.outbox.settle()

    assert await recovery.sweep_documents(parts) == 0

    await _lose(parts.redis)
    assert await recovery.sweep_documents(parts) == 1
    # Its job is on the way.
    await _change(parts, document_id, updated_at=clock.now() - LONG_AGO)
    assert await recovery.sweep_documents(parts) == 0
    waiting = {one.name: one.length for one in await list_queues(parts.redis)}
    assert waiting[QueueName.INGEST_LATER] == 1


async def test_document_of_a_dead_worker_is_queued_again_before_the_queue_is_empty(
    parts: Services, actor: Actor, collection: CollectionRow
) -> None:
    dead, waiting = await _upload(parts, actor, collection, count=2)
    before = clock.now() - LONG_AGO
    await _change(parts, dead, updated_at=before, lease_until=before)
    await _change(parts, waiting, updated_at=before)

    assert await recovery.sweep_documents(parts) == 1

    assert [(await _read(parts, one)).dispatch for one in (dead, waiting)] == [1, 0]


async def test_documents_that_find_nobody_again_and_again_leave_others_their_turn(
    parts: Services,
    actor: Actor,
    collection: CollectionRow,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recovery, "_SWEEP_MAX", 2)
    monkeypatch.setattr(recovery, "UNCLAIMED_MAX", timedelta(0))
    documents = await _upload(parts, actor, collection, count=3)

    for _ in range(2):
        await _lose(parts.redis)
        assert await recovery.sweep_documents(parts) == 2
        await parts.outbox.settle()

    asked = [(await _read(parts, one)).dispatch for one in documents]
    assert sorted(asked) == [1, 1, 2]
