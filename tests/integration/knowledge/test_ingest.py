import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from typing_extensions import override

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.errors import Conflict
from app.backend.files.errors import ObjectMissing, StoreFull
from app.backend.files.storage import ObjectStore
from app.backend.knowledge import (
    ingest,
    ingest_rows,
    repository,
    service,
    uploads,
)
from app.backend.knowledge.embeddings import Vector
from app.backend.knowledge.index import BATCH
from app.backend.knowledge.parts import changed_channel, original_key, parsed_key
from app.backend.knowledge.purging import purge
from app.backend.knowledge.schemas import DocumentStatus, DocumentView
from app.backend.knowledge.search import search
from app.backend.knowledge.tables import CollectionRow
from tests.fakes.knowledge import FakeEmbedder, FakeIndex
from tests.integration.knowledge.conftest import AddDocument

HANDBOOK = """# Handbook

## Leave

Every employee gets thirty days of paid leave a year.

## Pumps

The Kestrel pump is reset by holding the green button for nine seconds.
"""


async def _read(parts: Services, actor: Actor, document_id: UUID) -> DocumentView:
    async with parts.db.read() as session:
        return await service.get_document(session, actor, document_id=document_id)


async def _upload(
    parts: Services, actor: Actor, collection: CollectionRow, body: str = HANDBOOK
) -> DocumentView:
    return await uploads.upload_document(
        parts,
        actor,
        collection_id=collection.id,
        name="handbook.md",
        body=body.encode(),
    )


async def test_upload_to_ready_search_finds_the_passage(
    parts: Services, actor: Actor, collection: CollectionRow, add_document: AddDocument
) -> None:
    document = await add_document("handbook.md", HANDBOOK)

    assert document.status == DocumentStatus.READY
    assert document.chunks_done == document.chunks_total == 2
    found = await search(
        parts, actor, collection_ids=[collection.id], query="How do I reset the pump?"
    )
    assert found.is_relevant
    assert "nine seconds" in found.passages[0].text
    assert found.passages[0].score > 0.5


async def test_upload_same_bytes_again_is_the_same_document(
    parts: Services, actor: Actor, collection: CollectionRow
) -> None:
    first = await _upload(parts, actor, collection)

    second = await _upload(parts, actor, collection)

    assert second.id == first.id


async def test_upload_same_bytes_at_once_is_one_document(
    parts: Services, actor: Actor, collection: CollectionRow
) -> None:
    found = await asyncio.gather(*(_upload(parts, actor, collection) for _ in range(5)))

    assert len({document.id for document in found}) == 1


async def test_ingest_announces_each_change(
    parts: Services, actor: Actor, collection: CollectionRow, add_document: AddDocument
) -> None:
    async with parts.redis.pubsub() as listener:
        await listener.subscribe(changed_channel(actor.user_id))
        await listener.get_message(timeout=1)

        document = await add_document("handbook.md", HANDBOOK)

        heard = [
            await listener.get_message(ignore_subscribe_messages=True, timeout=1)
            for _ in range(2)
        ]
    # That it is cut into passages, and that it is ready.
    assert [item["data"] for item in heard if item] == [str(document.id)] * 2


async def test_ingest_twice_doubles_nothing(
    parts: Services, actor: Actor, collection: CollectionRow, add_document: AddDocument
) -> None:
    document = await add_document("handbook.md", HANDBOOK)

    await ingest.ingest_document(parts, actor, document.id)

    assert await parts.index.count(collection.id) == 2
    async with parts.db.read() as session:
        chunks = await service.list_chunks(session, actor, document_id=document.id)
    assert [chunk.ordinal for chunk in chunks] == [0, 1]


class _Killed(BaseException):
    """Ends a job where it stands, as SIGKILL does: nothing is saved after it."""


class _KilledAfter(FakeIndex):
    def __init__(self, batches: int) -> None:
        super().__init__()
        self.batches = batches

    @override
    async def check(self) -> None:
        if self.batches == 0:
            raise _Killed
        self.batches -= 1


async def test_ingest_killed_between_batches_goes_on_without_doubling(
    parts: Services, actor: Actor, collection: CollectionRow
) -> None:
    body = "\n\n".join(f"# {n}\n\nFact number {n}." for n in range(BATCH * 2 + 10))
    document = await _upload(parts, actor, collection, body)
    embedder, index = FakeEmbedder(), _KilledAfter(batches=1)
    faked = replace(parts, embedder=embedder, index=index)
    with pytest.raises(_Killed):
        await ingest.ingest_document(faked, actor, document.id, patience=0)
    await _expire_lease(parts, document.id)
    index.batches = 100

    await ingest.ingest_document(faked, actor, document.id, patience=0)

    done = await _read(parts, actor, document.id)
    assert (done.status, done.chunks_done) == (DocumentStatus.READY, BATCH * 2 + 10)
    assert await index.count(collection.id) == BATCH * 2 + 10
    # Only the batch in which it was killed, and the one embedded meanwhile, were embedded twice.
    assert len(embedder.texts) == BATCH * 3 + 20


async def test_ingest_embeds_the_next_batch_while_one_is_stored(
    parts: Services, actor: Actor, collection: CollectionRow
) -> None:
    body = "\n\n".join(f"# {n}\n\nFact number {n}." for n in range(BATCH + 10))
    document = await _upload(parts, actor, collection, body)
    last_came = asyncio.Event()

    class TellsTheLast(FakeEmbedder):
        @override
        async def embed(self, texts: Sequence[str]) -> list[Vector]:
            if len(texts) < BATCH:
                last_came.set()
            return await super().embed(texts)

    class WaitsForTheLast(FakeIndex):
        @override
        async def check(self) -> None:
            await last_came.wait()

    faked = replace(parts, embedder=TellsTheLast(), index=WaitsForTheLast())
    async with asyncio.timeout(20):
        await ingest.ingest_document(faked, actor, document.id, patience=0)

    assert (await _read(parts, actor, document.id)).chunks_done == BATCH + 10


async def test_ingest_claimed_by_another_job_is_left_alone(
    parts: Services, actor: Actor, collection: CollectionRow
) -> None:
    document = await _upload(parts, actor, collection)
    await _claim(parts, document.id)

    await ingest.ingest_document(parts, actor, document.id)

    assert (await _read(parts, actor, document.id)).status == DocumentStatus.UPLOADED


@pytest.mark.parametrize("part", ["embedder", "index"])
async def test_ingest_part_down_fails_in_words_and_retry_finishes(
    parts: Services, actor: Actor, collection: CollectionRow, part: str
) -> None:
    document = await _upload(parts, actor, collection)
    broken = FakeEmbedder(failures=99) if part == "embedder" else FakeIndex(failures=99)
    await ingest.ingest_document(
        replace(parts, **{part: broken}), actor, document.id, patience=0
    )
    failed = await _read(parts, actor, document.id)
    assert failed.status == DocumentStatus.FAILED
    assert "does not answer" in failed.error

    async with parts.db.transaction() as session:
        again = await service.retry_document(
            session, actor, document_id=document.id, outbox=parts.outbox
        )
    assert (again.status, again.error) == (DocumentStatus.CHUNKED, "")
    await ingest.ingest_document(parts, actor, document.id)
    assert (await _read(parts, actor, document.id)).status == DocumentStatus.READY


async def test_ingest_part_back_in_time_is_not_noticed(
    parts: Services, actor: Actor, collection: CollectionRow
) -> None:
    document = await _upload(parts, actor, collection)
    shaky = replace(parts, embedder=FakeEmbedder(failures=2), index=FakeIndex())

    await ingest.ingest_document(shaky, actor, document.id, patience=30)

    assert (await _read(parts, actor, document.id)).status == DocumentStatus.READY


async def test_ingest_disk_full_fails_in_words(
    parts: Services, actor: Actor, collection: CollectionRow
) -> None:
    document = await _upload(parts, actor, collection)

    await ingest.ingest_document(
        replace(parts, objects=_FullStore(parts.objects)), actor, document.id
    )

    failed = await _read(parts, actor, document.id)
    assert failed.status == DocumentStatus.FAILED
    assert "disk" in failed.error


class _FullStore:
    """An object store whose disk is full."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.get = store.get

    async def put(self, key: str, body: bytes, *, media_type: str) -> None:
        raise StoreFull


async def test_ingest_too_many_passages_fails_in_words(
    parts: Services, actor: Actor, collection: CollectionRow
) -> None:
    document = await _upload(parts, actor, collection)
    strict = parts.settings.model_copy(update={"ingest_chunks_max": 1})

    await ingest.ingest_document(replace(parts, settings=strict), actor, document.id)

    failed = await _read(parts, actor, document.id)
    assert failed.error == (
        "The document makes 2 passages; the limit is 1. Split it into smaller files."
    )


async def test_ingest_unexpected_error_shows_no_exception_text(
    parts: Services, actor: Actor, collection: CollectionRow
) -> None:
    document = await _upload(parts, actor, collection)

    await ingest.ingest_document(replace(parts, objects=None), actor, document.id)

    failed = await _read(parts, actor, document.id)
    assert failed.status == DocumentStatus.FAILED
    assert "AttributeError" not in failed.error
    assert "Retry" in failed.error


async def test_retry_of_a_ready_document_is_refused(
    parts: Services, actor: Actor, add_document: AddDocument
) -> None:
    document = await add_document("handbook.md", HANDBOOK)

    with pytest.raises(Conflict, match="nothing to retry"):
        async with parts.db.transaction() as session:
            await service.retry_document(
                session, actor, document_id=document.id, outbox=parts.outbox
            )


async def test_upload_of_a_failed_document_tries_it_again(
    parts: Services, actor: Actor, collection: CollectionRow
) -> None:
    document = await _upload(parts, actor, collection)
    broken = replace(parts, embedder=FakeEmbedder(failures=9))
    await ingest.ingest_document(broken, actor, document.id, patience=0)

    again = await _upload(parts, actor, collection)

    assert again.id == document.id
    assert again.status == DocumentStatus.CHUNKED


async def _claim(parts: Services, document_id: UUID) -> None:
    lease_until = clock.now() + timedelta(minutes=1)
    await parts.db.write(
        lambda connection: ingest_rows.claim_document(
            connection, document_id, lease_until=lease_until
        )
    )


async def _expire_lease(parts: Services, document_id: UUID) -> None:
    async with parts.db.transaction() as session:
        row = await repository.find_any_document(session, document_id)
        assert row is not None
        row.lease_until = clock.now() - timedelta(seconds=1)
        session.add(row)


async def test_delete_document_purges_object_chunks_and_vectors(
    parts: Services, actor: Actor, collection: CollectionRow, add_document: AddDocument
) -> None:
    document = await add_document("handbook.md", HANDBOOK)
    async with parts.db.transaction() as session:
        await service.delete_document(
            session, actor, document_id=document.id, outbox=parts.outbox
        )

    await purge(parts, f"{collection.id}/{document.id}")

    for key in (original_key, parsed_key):
        with pytest.raises(ObjectMissing):
            await parts.objects.get(key(collection.id, document.id))
    assert await parts.index.count(collection.id) == 0
    found = await search(
        parts, actor, collection_ids=[collection.id], query="reset the pump"
    )
    assert (found.passages, found.is_relevant) == ([], False)
    again = await add_document("handbook.md", HANDBOOK)
    assert again.status == DocumentStatus.READY


async def test_delete_collection_purges_everything(
    parts: Services, actor: Actor, collection: CollectionRow, add_document: AddDocument
) -> None:
    document = await add_document("handbook.md", HANDBOOK)
    async with parts.db.transaction() as session:
        await service.delete_collection(
            session, actor, collection_id=collection.id, outbox=parts.outbox
        )

    await purge(parts, str(collection.id))

    with pytest.raises(ObjectMissing):
        await parts.objects.get(original_key(collection.id, document.id))
    assert await parts.index.count(collection.id) == 0


async def test_ingest_of_a_document_deleted_meanwhile_leaves_nothing(
    parts: Services, actor: Actor, collection: CollectionRow
) -> None:
    document = await _upload(parts, actor, collection)

    class DeletesFirst(FakeEmbedder):
        @override
        async def embed(self, texts: Sequence[str]) -> list[Vector]:
            async with parts.db.transaction() as session:
                await service.delete_document(
                    session, actor, document_id=document.id, outbox=parts.outbox
                )
            return await super().embed(texts)

    index = FakeIndex()
    await ingest.ingest_document(
        replace(parts, embedder=DeletesFirst(), index=index), actor, document.id
    )

    assert await index.count(collection.id) == 0
    with pytest.raises(ObjectMissing):
        await parts.objects.get(parsed_key(collection.id, document.id))


async def test_show_passage_gives_the_text_around_it(
    parts: Services, actor: Actor, add_document: AddDocument
) -> None:
    document = await add_document("handbook.md", HANDBOOK)
    async with parts.db.read() as session:
        chunks = await service.list_chunks(session, actor, document_id=document.id)

    shown = await uploads.show_passage(parts, actor, chunk_id=chunks[1].id)

    assert shown.text[shown.start : shown.end] == chunks[1].text
    assert shown.text == HANDBOOK
    assert (shown.has_before, shown.has_after) == (False, False)
