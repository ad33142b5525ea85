from dataclasses import replace
from uuid import uuid4

import pytest

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.errors import Conflict, NotFound, ServiceUnavailable
from app.backend.knowledge import ingest, service, uploads
from app.backend.knowledge.schemas import CollectionDraft
from app.backend.knowledge.search import search
from app.backend.knowledge.tables import CollectionRow
from tests.factories.rows import MakeCollection
from tests.fakes.knowledge import FakeEmbedder, FakeIndex
from tests.integration.knowledge.conftest import AddDocument

PUMP = "The Kestrel pump is reset with the green button."
LEAVE = "Employees get thirty days of paid leave."


async def test_search_of_two_collections_fuses_them(
    parts: Services,
    actor: Actor,
    collection: CollectionRow,
    make_collection: MakeCollection,
    add_document: AddDocument,
) -> None:
    await add_document("pump.txt", PUMP)
    other = await make_collection(actor, name="Rules")
    document = await uploads.upload_document(
        parts, actor, collection_id=other.id, name="leave.txt", body=LEAVE.encode()
    )
    await ingest.ingest_document(parts, actor, document.id)

    found = await search(
        parts,
        actor,
        collection_ids=[collection.id, other.id],
        query="How many days of leave?",
    )

    assert [item.document_name for item in found.passages] == ["leave.txt", "pump.txt"]
    assert [item.n for item in found.passages] == [1, 2]
    assert found.is_relevant


async def test_search_for_what_is_not_there_is_not_relevant(
    parts: Services, actor: Actor, collection: CollectionRow, add_document: AddDocument
) -> None:
    await add_document("pump.txt", PUMP)

    found = await search(
        parts, actor, collection_ids=[collection.id], query="Who won the world cup?"
    )

    assert len(found.passages) == 1
    assert not found.is_relevant


async def test_search_of_an_empty_collection_finds_nothing(
    parts: Services, actor: Actor, collection: CollectionRow
) -> None:
    found = await search(parts, actor, collection_ids=[collection.id], query="anything")

    assert (found.passages, found.is_relevant) == ([], False)


@pytest.mark.parametrize("query", ["", " ", "?!", "the of", "x" * 20_000, "\0"])
async def test_search_for_odd_words_does_not_fail(
    parts: Services,
    actor: Actor,
    collection: CollectionRow,
    add_document: AddDocument,
    query: str,
) -> None:
    await add_document("pump.txt", PUMP)

    found = await search(parts, actor, collection_ids=[collection.id], query=query)

    assert not found.is_relevant


async def test_search_of_somebody_else_s_collection_is_not_found(
    parts: Services,
    actor: Actor,
    collection: CollectionRow,
    other_actor: Actor,
    add_document: AddDocument,
) -> None:
    document = await add_document("pump.txt", PUMP)

    with pytest.raises(NotFound):
        await search(parts, other_actor, collection_ids=[collection.id], query="pump")
    with pytest.raises(NotFound):
        await uploads.upload_document(
            parts, other_actor, collection_id=collection.id, name="a.txt", body=b"a"
        )
    with pytest.raises(NotFound):
        await uploads.make_download_url(parts, other_actor, document_id=document.id)
    async with parts.db.read() as session:
        chunks = await service.list_chunks(session, actor, document_id=document.id)
        with pytest.raises(NotFound):
            await service.get_chunk(session, other_actor, chunk_id=chunks[0].id)
        with pytest.raises(NotFound):
            await service.list_documents(
                session, other_actor, collection_id=collection.id
            )
        assert (await service.list_documents(session, other_actor)).items == []
        assert (await service.list_collections(session, other_actor)).items == []


async def test_search_after_the_embedder_changed_says_what_to_do(
    parts: Services, actor: Actor, make_collection: MakeCollection
) -> None:
    old = await make_collection(actor, embedding_model="another-model")

    with pytest.raises(Conflict, match="ATELIER_EMBEDDER"):
        await search(parts, actor, collection_ids=[old.id], query="pump")


@pytest.mark.parametrize("part", ["embedder", "index"])
async def test_search_with_a_part_down_says_so(
    parts: Services, actor: Actor, collection: CollectionRow, part: str
) -> None:
    broken = FakeEmbedder(failures=1) if part == "embedder" else FakeIndex(failures=1)

    with pytest.raises(ServiceUnavailable):
        await search(
            replace(parts, **{part: broken}),
            actor,
            collection_ids=[collection.id],
            query="pump",
        )


async def test_search_of_an_unknown_collection_is_not_found(
    parts: Services, actor: Actor
) -> None:
    with pytest.raises(NotFound):
        await search(parts, actor, collection_ids=[uuid4()], query="pump")


async def test_search_drops_documents_that_are_not_ready(
    parts: Services, actor: Actor, collection: CollectionRow, add_document: AddDocument
) -> None:
    document = await add_document("pump.txt", PUMP)
    async with parts.db.transaction() as session:
        await service.delete_document(
            session, actor, document_id=document.id, outbox=parts.outbox
        )

    found = await search(
        parts, actor, collection_ids=[collection.id], query="reset the pump"
    )

    assert found.passages == []


async def test_collection_shows_its_counts(
    parts: Services, actor: Actor, add_document: AddDocument, collection: CollectionRow
) -> None:
    await add_document("pump.txt", PUMP)
    async with parts.db.transaction() as session:
        changed = await service.update_collection(
            session,
            actor,
            collection_id=collection.id,
            draft=CollectionDraft(name="Pumps", description="All of them"),
            outbox=parts.outbox,
        )

    assert (changed.name, changed.documents, changed.chunks, changed.size) == (
        "Pumps",
        1,
        1,
        len(PUMP),
    )
