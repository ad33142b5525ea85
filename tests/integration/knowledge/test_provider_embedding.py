"""Collections whose vectors are made by a provider: asked, paid, searched, changed."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from sqlmodel import select
from structlog.testing import capture_logs

from app.backend.bootstrap import Services
from app.backend.budgets import service as budgets
from app.backend.budgets.schemas import BudgetDraft
from app.backend.core.actor import Actor
from app.backend.core.errors import Forbidden, Invalid
from app.backend.identity import sharing
from app.backend.identity.sharing_schemas import Level, ShareDraft
from app.backend.knowledge import ingest, service, uploads
from app.backend.knowledge.choice import check_change, choose_embedder, list_embedders
from app.backend.knowledge.purging import purge
from app.backend.knowledge.schemas import (
    CollectionDraft,
    CollectionView,
    DocumentStatus,
    DocumentView,
)
from app.backend.knowledge.search import NOT_BY_MEANING, search
from app.backend.knowledge.sharing import COLLECTIONS
from app.backend.knowledge.tables import CollectionRow
from app.backend.providers.errors import ModelRefused
from app.backend.usage.tables import UsageRecordRow
from tests.factories.rows import MakeCollection
from tests.integration.providers.services import serving
from tests.integration.providers.vectors import TOKENS, Embeddings, connect_vectors
from tests.parts import wait_until

PUMP = "The Kestrel pump is reset with the green button."


@pytest.fixture
def service_of_vectors() -> Embeddings:
    return Embeddings()


@pytest.fixture
def url(service_of_vectors: Embeddings) -> Iterator[str]:
    with serving(service_of_vectors.answer) as base:
        yield f"{base}/v1"


async def _collection(
    parts: Services, actor: Actor, model: str, name: str = "Pumps"
) -> CollectionView:
    draft = CollectionDraft(name=name, embedding_model=model)
    chosen = await choose_embedder(parts, actor, model)
    async with parts.db.transaction() as session:
        return await service.create_collection(
            session, actor, draft=draft, embedding_model=chosen
        )


async def _add(
    parts: Services, actor: Actor, collection_id: Any, body: str = PUMP
) -> DocumentView:
    document = await uploads.upload_document(
        parts,
        actor,
        collection_id=collection_id,
        name="pump.txt",
        body=body.encode(),
    )
    return await _ingest(parts, actor, document.id)


async def _ingest(parts: Services, actor: Actor, document_id: Any) -> DocumentView:
    await ingest.ingest_document(parts, actor, document_id, patience=0)
    await parts.outbox.settle()
    async with parts.db.read() as session:
        return await service.get_document(session, actor, document_id=document_id)


async def _change(
    parts: Services, actor: Actor, collection_id: Any, model: str
) -> CollectionView:
    await check_change(parts, actor, collection_id=collection_id, named=model)
    async with parts.db.transaction() as session:
        return await service.update_collection(
            session,
            actor,
            collection_id=collection_id,
            draft=CollectionDraft(name="Pumps", embedding_model=model),
            outbox=parts.outbox,
        )


async def _usage(parts: Services) -> list[UsageRecordRow]:
    async with parts.db.read() as session:
        return list(await session.exec(select(UsageRecordRow)))


async def test_documents_and_questions_are_embedded_by_the_provider_and_paid(
    parts: Services, actor: Actor, url: str, service_of_vectors: Embeddings
) -> None:
    model = await connect_vectors(parts, actor, url)
    collection = await _collection(parts, actor, model)

    document = await _add(parts, actor, collection.id)
    found = await search(
        parts, actor, collection_ids=[collection.id], query="reset the Kestrel pump"
    )

    assert document.status == DocumentStatus.READY, document.error
    assert collection.embedding_model == model == "house/vectors"
    assert [item.document_name for item in found.passages] == ["pump.txt"]
    # How near it is says the model on this machine, whose similarities are known.
    assert found.is_relevant
    assert [len(one["input"]) for one in service_of_vectors.asked] == [1, 1]
    rows = await _usage(parts)
    assert [(row.model, row.agent_name, row.tokens_in) for row in rows] == [
        (model, "Documents", TOKENS)
    ] * 2
    assert {row.cost_micros for row in rows} == {TOKENS * 1000}


async def test_collections_of_several_models_are_searched_together(
    parts: Services, actor: Actor, url: str, make_collection: MakeCollection
) -> None:
    model = await connect_vectors(parts, actor, url)
    theirs = await _collection(parts, actor, model)
    ours = await make_collection(actor, name="Ours")
    await _add(parts, actor, theirs.id)
    await _add(parts, actor, ours.id, body="Employees get thirty days of paid leave.")

    found = await search(
        parts, actor, collection_ids=[theirs.id, ours.id], query="Kestrel pump"
    )

    texts = [item.text.strip() for item in found.passages]
    assert texts[0] == PUMP
    assert len(texts) == 2


async def test_other_model_embeds_all_documents_anew(
    parts: Services, actor: Actor, url: str, collection: CollectionRow
) -> None:
    document = await _add(parts, actor, collection.id)
    model = await connect_vectors(parts, actor, url)

    changed = await _change(parts, actor, collection.id, model)
    async with parts.db.read() as session:
        waiting = await service.get_document(session, actor, document_id=document.id)
    ready = await _ingest(parts, actor, document.id)
    # The vectors before, of another size, are removed by a job.
    await purge(parts, f"vectors/{collection.id}", patience=0)
    found = await search(
        parts, actor, collection_ids=[collection.id], query="Kestrel pump"
    )

    assert changed.embedding_model == model
    assert (waiting.status, waiting.chunks_done) == (DocumentStatus.CHUNKED, 0)
    assert ready.status == DocumentStatus.READY, ready.error
    assert [item.document_name for item in found.passages] == ["pump.txt"]
    assert await parts.index.count(collection.id) == 0
    back = await _change(parts, actor, collection.id, parts.embedder.name)
    assert back.embedding_model == parts.embedder.name
    again = await _ingest(parts, actor, document.id)
    assert again.status == DocumentStatus.READY, again.error


async def test_budget_that_is_used_up_stops_documents_and_searches_in_words(
    parts: Services, actor: Actor, url: str, service_of_vectors: Embeddings
) -> None:
    model = await connect_vectors(parts, actor, url)
    collection = await _collection(parts, actor, model)
    async with parts.db.transaction() as session:
        draft = BudgetDraft(amount=0.001)
        await budgets.create_budget(session, actor, draft=draft)
    await _add(parts, actor, collection.id)

    late = await _add(parts, actor, collection.id, body="Another text.")

    assert late.status == DocumentStatus.FAILED
    assert "is used up" in late.error
    found = await search(parts, actor, collection_ids=[collection.id], query="pump")
    (note,) = found.notes
    assert "ranked by words alone: " in note
    assert "is used up" in note
    assert len(service_of_vectors.asked) == 1


async def test_amounts_of_the_owners_budget_are_told_to_nobody_else(
    parts: Services, actor: Actor, other_actor: Actor, url: str
) -> None:
    model = await connect_vectors(parts, actor, url)
    collection = await _collection(parts, actor, model)
    async with parts.db.transaction() as session:
        draft = BudgetDraft(amount=0.001)
        await budgets.create_budget(session, actor, draft=draft)
        shared = ShareDraft(email=other_actor.email, level=Level.VIEW)
        await sharing.share(
            session, actor, COLLECTIONS, object_id=collection.id, draft=shared
        )
    await _add(parts, actor, collection.id)
    late = await _add(parts, actor, collection.id, body="Another text.")

    told: list[list[str]] = []
    for searcher, asker in ((other_actor, None), (actor, other_actor), (actor, None)):
        found = await search(
            parts,
            searcher,
            collection_ids=[collection.id],
            query="pump",
            asker_id=asker.user_id if asker else None,
        )
        told.append(found.notes)

    assert told[:2] == [[NOT_BY_MEANING]] * 2
    assert "$" in told[2][0]
    # Whoever may see the collection sees the document too.
    assert "$" not in late.error


async def test_others_are_told_once_and_the_log_of_the_server_has_the_cause(
    parts: Services,
    actor: Actor,
    other_actor: Actor,
    url: str,
    service_of_vectors: Embeddings,
) -> None:
    model = await connect_vectors(parts, actor, url)
    first = await _collection(parts, actor, model)
    second = await _collection(parts, actor, model, name="Valves")
    service_of_vectors.status = 400

    with capture_logs() as logged:
        found = await search(
            parts,
            actor,
            collection_ids=[first.id, second.id],
            query="pump",
            asker_id=other_actor.user_id,
        )

    assert found.notes == [NOT_BY_MEANING]
    (entry,) = [one for one in logged if one["event"] == "query_not_embedded"]
    assert entry["model"] == model
    assert "refuses the request" in entry["cause"]


async def test_collection_whose_provider_fails_is_ranked_by_words_with_the_others(
    parts: Services,
    actor: Actor,
    url: str,
    service_of_vectors: Embeddings,
    collection: CollectionRow,
) -> None:
    model = await connect_vectors(parts, actor, url)
    theirs = await _collection(parts, actor, model)
    await _add(parts, actor, theirs.id)
    await _add(parts, actor, collection.id, body="The Falcon valve opens at nine bar.")
    service_of_vectors.status = 400

    found = await search(
        parts,
        actor,
        collection_ids=[theirs.id, collection.id],
        query="How is the Kestrel reset?",
    )

    assert found.passages[0].text == PUMP
    assert len(found.passages) == 2
    assert found.is_relevant
    (note,) = found.notes
    assert note.startswith(f"{theirs.name!r} could not be searched by meaning")
    assert "refuses the request" in note


async def test_failure_of_the_service_is_told_and_costs_nothing(
    parts: Services, actor: Actor, url: str, service_of_vectors: Embeddings
) -> None:
    model = await connect_vectors(parts, actor, url)
    collection = await _collection(parts, actor, model)
    service_of_vectors.status = 400

    document = await _add(parts, actor, collection.id)

    assert document.status == DocumentStatus.FAILED
    assert "refuses the request" in document.error
    (row,) = await _usage(parts)
    assert (row.outcome, row.tokens_in, row.cost_micros) == ("failed", 0, 0)


async def test_answer_with_too_few_vectors_is_paid(
    parts: Services, actor: Actor, url: str, service_of_vectors: Embeddings
) -> None:
    model = await connect_vectors(parts, actor, url)
    service_of_vectors.most = 1

    with pytest.raises(ModelRefused, match="1 vectors of 2 texts"):
        await parts.embedders.embed(actor.user_id, model, [PUMP, PUMP])

    (row,) = await _usage(parts)
    assert (row.outcome, row.tokens_in) == ("failed", TOKENS)
    assert row.cost_micros == TOKENS * 1000


async def test_question_that_is_cancelled_is_paid_as_estimated(
    parts: Services, actor: Actor, url: str, service_of_vectors: Embeddings
) -> None:
    model = await connect_vectors(parts, actor, url)
    service_of_vectors.may_answer.clear()
    asked = asyncio.create_task(parts.embedders.embed(actor.user_id, model, [PUMP]))
    try:
        is_asked = partial(bool, service_of_vectors.asked)
        await asyncio.to_thread(wait_until, is_asked, seconds=20, what="a question")
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
    finally:
        service_of_vectors.may_answer.set()

    (row,) = await _usage(parts)
    assert (row.outcome, row.is_estimated) == ("cut", True)
    assert row.tokens_in > 0
    assert row.cost_micros == row.tokens_in * 1000


async def test_default_and_choices_are_those_of_the_actor(
    parts: Services, actor: Actor, other_actor: Actor, url: str
) -> None:
    own = parts.embedder.name
    assert await choose_embedder(parts, actor) == own
    model = await connect_vectors(parts, actor, url, is_default=True)

    assert await choose_embedder(parts, actor) == model
    assert await choose_embedder(parts, other_actor) == own
    assert await list_embedders(parts, actor) == [own, model]
    assert await list_embedders(parts, other_actor) == [own]
    for name in ("scripted/hello", "nobody/x", "gpt"):
        with pytest.raises(Invalid) as refused:
            await choose_embedder(parts, actor, name)
        assert list(refused.value.details) == ["embedding_model"], name


async def test_only_its_owner_gives_a_collection_another_model(
    parts: Services,
    actor: Actor,
    other_actor: Actor,
    collection: CollectionRow,
) -> None:
    async with parts.db.transaction() as session:
        shared = ShareDraft(email=other_actor.email, level=Level.EDIT)
        await sharing.share(
            session, actor, COLLECTIONS, object_id=collection.id, draft=shared
        )
    theirs = await connect_vectors(parts, other_actor, "https://vectors.example.org/v1")

    kept = await _change(parts, other_actor, collection.id, parts.embedder.name)
    with pytest.raises(Forbidden):
        await _change(parts, other_actor, collection.id, theirs)

    assert kept.embedding_model == parts.embedder.name


@pytest.mark.parametrize("status", [400, 401, 500])
@pytest.mark.parametrize("host", ["127.0.0.1", "LOCALHOST"])
async def test_address_of_a_provider_is_told_to_nobody_who_reads_a_document(
    parts: Services,
    actor: Actor,
    other_actor: Actor,
    url: str,
    service_of_vectors: Embeddings,
    host: str,
    status: int,
) -> None:
    model = await connect_vectors(parts, actor, url.replace("127.0.0.1", host))
    collection = await _collection(parts, actor, model)
    async with parts.db.transaction() as session:
        shared = ShareDraft(email=other_actor.email, level=Level.VIEW)
        await sharing.share(
            session, actor, COLLECTIONS, object_id=collection.id, draft=shared
        )
    service_of_vectors.status = status

    document = await _add(parts, actor, collection.id)

    async with parts.db.read() as session:
        seen = await service.get_document(session, other_actor, document_id=document.id)
    assert seen.status == DocumentStatus.FAILED
    assert seen.error.startswith("The service of 'OpenAI-compatible'")
    assert host not in seen.error
