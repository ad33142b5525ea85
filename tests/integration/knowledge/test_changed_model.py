"""A collection that gets another embedding model while its documents come in: none of their passages is lost."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any
from uuid import UUID

import pytest
from typing_extensions import override

from app.backend.bootstrap import Services
from app.backend.budgets.embedding import ProviderEmbedders
from app.backend.core import ids
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.jobs import Job, JobName
from app.backend.knowledge import ingest, repository, service, uploads
from app.backend.knowledge.embeddings import Vector
from app.backend.knowledge.index import BATCH
from app.backend.knowledge.purging import purge
from app.backend.knowledge.schemas import (
    CollectionDraft,
    DocumentStatus,
    DocumentView,
)
from app.backend.knowledge.tables import CollectionRow
from tests.fakes.knowledge import FakeEmbedder, FakeIndex

MODEL = "house/vectors"
PASSAGES = BATCH + 10
BODY = "\n\n".join(f"# {n}\n\nFact number {n}." for n in range(PASSAGES))

Happen = Callable[[], Awaitable[object]]


class _OfProvider(ProviderEmbedders):
    """Models of providers: vectors of another size."""

    @override
    async def embed(
        self,
        owner_id: UUID,
        model: str,
        texts: Sequence[str],
        *,
        asker_id: UUID | None = None,
    ) -> list[Vector]:
        return [[*vector, 0.0] for vector in FakeEmbedder().vectors(texts)]


class _Services(Services):
    @property
    @override
    def embedders(self) -> ProviderEmbedders:
        return _OfProvider(self)


class _Embedder(FakeEmbedder):
    """Lets something happen, once, while it makes vectors of the batch after `skips` others."""

    def __init__(self, happen: Happen, *, skips: int = 0) -> None:
        super().__init__()
        self._happen: Happen | None = happen
        self._skips = skips

    @override
    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        if self._skips:
            self._skips -= 1
        elif self._happen is not None:
            happen, self._happen = self._happen, None
            await happen()
        return await super().embed(texts)


class _Index(FakeIndex):
    """Lets something happen, once, while it stores vectors."""

    happen: Happen | None = None

    @override
    async def check(self) -> None:
        if self.happen is not None:
            happen, self.happen = self.happen, None
            await happen()


@dataclass
class _Outbox:
    """Lets something happen, once, before it takes the job of an ingest."""

    parts: Services
    happen: Happen | None

    async def add(self, session: Session, job: Job) -> None:
        if job.name == JobName.DOCUMENT_INGEST_LATER and self.happen is not None:
            happen, self.happen = self.happen, None
            await happen()
        await self.parts.outbox.add(session, job)


@pytest.fixture
def index() -> _Index:
    return _Index()


@pytest.fixture
def faked(services: Services, index: _Index) -> Services:
    parts: dict[str, Any] = {
        one.name: getattr(services, one.name) for one in fields(services)
    }
    parts |= {"embedder": FakeEmbedder(), "index": index}
    return _Services(**parts)


async def _upload(
    parts: Services, actor: Actor, collection_id: UUID, body: str = BODY
) -> DocumentView:
    return await uploads.upload_document(
        parts, actor, collection_id=collection_id, name="facts.md", body=body.encode()
    )


async def _ingest(parts: Services, actor: Actor, document_id: UUID) -> DocumentView:
    await ingest.ingest_document(parts, actor, document_id, patience=0)
    async with parts.db.read() as session:
        return await service.get_document(session, actor, document_id=document_id)


async def _change(
    parts: Services, actor: Actor, collection_id: UUID, happen: Happen | None = None
) -> None:
    async with parts.db.transaction() as session:
        await service.update_collection(
            session,
            actor,
            collection_id=collection_id,
            draft=CollectionDraft(name="Facts", embedding_model=MODEL),
            outbox=_Outbox(parts, happen),  # pyright: ignore[reportArgumentType] - all that is used of it
        )


async def _vectors_id(parts: Services, actor: Actor, collection_id: UUID) -> UUID:
    async with parts.db.read() as session:
        row = await repository.find_collection(session, actor, collection_id)
    assert row is not None
    return row.index_id


@pytest.mark.parametrize("skips", [0, 1], ids=["first batch", "last batch"])
async def test_document_that_a_change_did_not_see_is_embedded_with_the_new_model(
    faked: Services, actor: Actor, collection: CollectionRow, index: _Index, skips: int
) -> None:
    document = await _upload(faked, actor, collection.id)

    async def change_unseen() -> None:
        async with faked.db.transaction() as session:
            row = await repository.find_collection(session, actor, collection.id)
            assert row is not None
            row.embedding_model, row.vectors_id = MODEL, ids.new_id()
            session.add(row)

    embedder = _Embedder(change_unseen, skips=skips)
    ready = await _ingest(replace(faked, embedder=embedder), actor, document.id)

    assert (ready.status, ready.chunks_done) == (DocumentStatus.READY, PASSAGES)
    place = await _vectors_id(faked, actor, collection.id)
    assert {key: len(rows) for key, rows in index.rows.items()} == {place: PASSAGES}


async def test_document_that_gets_ready_during_the_change_is_embedded_anew(
    faked: Services, actor: Actor, collection: CollectionRow, index: _Index
) -> None:
    first = await _upload(faked, actor, collection.id, "# One\n\nFirst.")
    second = await _upload(faked, actor, collection.id)
    work: list[asyncio.Task[DocumentView]] = []

    async def ingest_second() -> None:
        work.append(asyncio.create_task(_ingest(faked, actor, second.id)))
        # It ends only where nobody makes it wait for the end of the change.
        await asyncio.wait(work, timeout=1)

    await _change(faked, actor, collection.id, ingest_second)
    await work[0]
    for document in (first, second):
        ready = await _ingest(faked, actor, document.id)
        assert ready.status == DocumentStatus.READY

    place = await _vectors_id(faked, actor, collection.id)
    assert {key: len(rows) for key, rows in index.rows.items()} == {place: PASSAGES + 1}


async def test_vectors_that_come_after_the_old_ones_were_removed_do_not_stay(
    faked: Services, actor: Actor, collection: CollectionRow, index: _Index
) -> None:
    document = await _upload(faked, actor, collection.id)

    async def change_and_purge() -> None:
        await _change(faked, actor, collection.id)
        await purge(faked, f"vectors/{collection.id}", patience=0)

    index.happen = change_and_purge
    await _ingest(faked, actor, document.id)

    assert collection.id not in index.rows
    ready = await _ingest(faked, actor, document.id)
    assert ready.status == DocumentStatus.READY
    place = await _vectors_id(faked, actor, collection.id)
    assert {key: len(rows) for key, rows in index.rows.items()} == {place: PASSAGES}
