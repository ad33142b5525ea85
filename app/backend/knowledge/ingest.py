"""The ingest job: uploaded, parsed, chunked, embedded, ready; each stage is kept, so that a restart goes on."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import structlog
from redis.exceptions import RedisError
from sqlalchemy import Connection

from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.errors import AppError
from app.backend.knowledge import ingest_rows, repository
from app.backend.knowledge.chunking import Piece, cut, searchable_text
from app.backend.knowledge.embeddings import Vector, is_of_provider
from app.backend.knowledge.errors import Unreadable
from app.backend.knowledge.index import BATCH
from app.backend.knowledge.parsed import Parsed
from app.backend.knowledge.parsing import PARSED_JSON, parse
from app.backend.knowledge.parts import (
    VECTORS,
    IngestParts,
    changed_channel,
    original_key,
    parsed_key,
)
from app.backend.knowledge.patience import patiently
from app.backend.knowledge.purging import purge
from app.backend.knowledge.schemas import DocumentStatus
from app.backend.knowledge.search import load_texts
from app.backend.knowledge.tables import CollectionRow, DocumentRow

logger = structlog.get_logger(__name__)

T = TypeVar("T")

LEASE = timedelta(seconds=30)
HEARTBEAT_SECONDS = 8.0
PATIENCE_SECONDS = 20.0
# A shorter text is cut, embedded and ready before anybody has read how far it is.
LONG_CHARACTERS = 30_000
_UNEXPECTED = "Something went wrong on our side while reading the document. The log of the worker has the details. Press Retry to try again."


class Superseded(Exception):
    """The document was deleted, or another job took it over."""


class VectorsChanged(Exception):
    """The collection has vectors of another model by now."""


class _Passage(NamedTuple):
    """What is embedded of a passage."""

    id: UUID
    heading: str
    text: str


class _Ingest:
    """One claim of one document."""

    def __init__(
        self,
        parts: IngestParts,
        actor: Actor,
        document: DocumentRow,
        collection: CollectionRow,
        patience: float,
    ) -> None:
        self._parts = parts
        self._actor = actor
        self._document = document
        self._patience = patience
        # As it was when the claim, or its vectors, were begun.
        self._collection = collection
        # What this claim has cut itself need not be read again.
        self._cut_now: list[_Passage] = []

    async def run(self) -> None:
        """Take the document from where it is to ready."""
        if self._document.status in {DocumentStatus.UPLOADED, DocumentStatus.PARSED}:
            await self._cut(await self._parse())
        while not await self._is_embedded():
            logger.info("ingest_begins_anew", document=str(self._document.id))
            self._collection = await self._read_collection()

    async def clean(self) -> None:
        """Remove what this claim has stored, where that is no longer wanted."""
        document, written = self._document, self._collection
        async with self._parts.db.read() as session:
            now = await repository.find_document(session, self._actor, document.id)
            collection = await repository.find_collection(
                session, self._actor, document.collection_id
            )
        if now is None:
            await purge(self._parts, f"{document.collection_id}/{document.id}")
        if collection is None or collection.index_id != written.index_id:
            # They may have come after the job that removed all the others.
            await purge(self._parts, f"{VECTORS}/{written.index_id}")

    async def stay_alive(self) -> None:
        """Hold the claim through long steps; whoever is killed loses it when the lease ends."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await self._save()

    async def fail(self, reason: str) -> None:
        """Say why the document cannot be used."""
        await self._save(status=DocumentStatus.FAILED, error=reason, lease_until=None)

    async def _parse(self) -> Parsed:
        document, objects = self._document, self._parts.objects
        key = parsed_key(document.collection_id, document.id)
        if document.status == DocumentStatus.PARSED:
            return PARSED_JSON.validate_json(await objects.get(key))
        body = await objects.get(original_key(document.collection_id, document.id))
        parsed = await parse(self._parts.parsers, body, document.media_type)
        await objects.put(
            key, PARSED_JSON.dump_json(parsed), media_type="application/json"
        )
        if len(parsed.text) > LONG_CHARACTERS:
            await self._save(
                status=DocumentStatus.PARSED, pages=len(parsed.page_starts)
            )
        return parsed

    async def _cut(self, parsed: Parsed) -> None:
        pieces = await asyncio.to_thread(cut, parsed)
        limit = self._parts.settings.ingest_chunks_max
        if len(pieces) > limit:
            message = f"The document makes {len(pieces)} passages; the limit is {limit}. Split it into smaller files."
            raise Unreadable(message)
        if not pieces:
            raise Unreadable(
                "The document holds headings but no text. Add text and upload it again."
            )
        rows = [
            to_chunk_values(self._document, ordinal, piece)
            for ordinal, piece in enumerate(pieces)
        ]
        await self._save(
            partial(ingest_rows.replace_chunks, document=self._document, rows=rows),
            status=DocumentStatus.CHUNKED,
            pages=len(parsed.page_starts),
            chunks_total=len(rows),
            chunks_done=0,
        )
        self._cut_now = [
            _Passage(row["id"], row["heading"], row["text"]) for row in rows
        ]

    async def _is_embedded(self) -> bool:
        """Make the document ready; False when its collection got another model meanwhile."""
        collection = self._collection
        try:
            await self._embed(collection)
            await self._finish(collection)
        except VectorsChanged:
            self._document.chunks_done = 0
            await self.clean()
            return False
        return True

    async def _embed(self, collection: CollectionRow) -> None:
        """Embed batch by batch; while one is stored, the next is with the embedder."""
        document = self._document
        place = document.chunks_done
        storing: asyncio.Task[None] | None = None
        try:
            while place < document.chunks_total:
                passages = await self._load_batch(place)
                vectors = await self._embed_batch(collection, passages)
                if storing is not None:
                    await storing
                place += len(passages)
                storing = asyncio.create_task(
                    self._store(collection, passages, vectors, place)
                )
            if storing is not None:
                await storing
        finally:
            if storing is not None:
                # Waited for, not cancelled: vectors that arrive after a purge would stay for ever.
                await asyncio.gather(storing, return_exceptions=True)

    async def _load_batch(self, place: int) -> Sequence[_Passage]:
        if self._cut_now:
            return self._cut_now[place : place + BATCH]
        async with self._parts.db.read() as session:
            chunks = await repository.list_chunks(
                session,
                self._actor,
                document_id=self._document.id,
                after=place - 1,
                limit=BATCH,
            )
        if not chunks:
            raise Superseded
        return [_Passage(chunk.id, chunk.heading, chunk.text) for chunk in chunks]

    async def _embed_batch(
        self, of: CollectionRow, passages: Sequence[_Passage]
    ) -> list[Vector]:
        name = self._document.name
        texts = [searchable_text(name, one.heading, one.text) for one in passages]
        if is_of_provider(of.embedding_model):
            asked = partial(
                self._parts.embedders.embed, of.owner_id, of.embedding_model
            )
            return await patiently(self._patience)(asked, texts)
        return await patiently(self._patience)(self._parts.embedder.embed, texts)

    async def _read_collection(self) -> CollectionRow:
        """Return the collection, with the model of its vectors; with another one the document is dispatched anew."""
        async with self._parts.db.read() as session:
            found = await repository.find_collection(
                session, self._actor, self._document.collection_id
            )
            now = await repository.find_document(
                session, self._actor, self._document.id
            )
        if found is None or now is None or now.dispatch != self._document.dispatch:
            raise Superseded
        return found

    async def _store(
        self,
        collection: CollectionRow,
        passages: Sequence[_Passage],
        vectors: Sequence[Vector],
        done: int,
    ) -> None:
        document = self._document
        await patiently(self._patience)(
            self._parts.index.upsert,
            collection.index_id,
            document.id,
            [passage.id for passage in passages],
            vectors,
        )
        # That the only batch is done is said with the document.
        if document.chunks_total > len(passages):
            is_last = done == document.chunks_total
            await self._save(
                if_still=partial(ingest_rows.hold_vectors, collection=collection),
                status=DocumentStatus.EMBEDDED if is_last else DocumentStatus.CHUNKED,
                chunks_done=done,
            )

    async def _finish(self, collection: CollectionRow) -> None:
        version = await self._save(
            partial(ingest_rows.find_settled_version, collection=collection),
            if_still=partial(ingest_rows.raise_version, collection=collection),
            status=DocumentStatus.READY,
            chunks_done=self._document.chunks_total,
            error="",
            lease_until=None,
        )
        if version is not None:
            load = partial(load_texts, self._parts.db, self._actor, collection.id)
            await self._parts.words.prepare(collection.id, version, load)

    async def _save(
        self,
        also: Callable[[Connection], T] | None = None,
        *,
        if_still: Callable[[Connection], bool] | None = None,
        **values: Any,
    ) -> T | None:
        """Change the document, and do `also`, if this claim still holds and the collection has the vectors that it had."""
        values.setdefault("lease_until", clock.now() + LEASE)

        def write(connection: Connection) -> T | None:
            if if_still is not None and not if_still(connection):
                raise VectorsChanged
            if not ingest_rows.change_document(connection, self._document, values):
                raise Superseded
            return also(connection) if also is not None else None

        found = await self._parts.db.write(write)
        if len(values) > 1:
            await self._announce(values)
        return found

    async def _announce(self, values: dict[str, Any]) -> None:
        self._document.sqlmodel_update(values)
        await announce(self._parts, self._document)


def to_chunk_values(
    document: DocumentRow, ordinal: int, piece: Piece
) -> dict[str, Any]:
    """Return the values of a passage's row."""
    return {
        "id": ids.new_id(),
        "created_at": clock.now(),
        "owner_id": document.owner_id,
        "collection_id": document.collection_id,
        "document_id": document.id,
        "ordinal": ordinal,
        **asdict(piece),
    }


async def find_owner(session: Session, document_id: UUID) -> UUID | None:
    """Return whose document it is, so that the job can act for them; None when it is gone."""
    row = await repository.find_any_document(session, document_id)
    return row.owner_id if row is not None else None


async def ingest_document(
    parts: IngestParts,
    actor: Actor,
    document_id: UUID,
    *,
    patience: float = PATIENCE_SECONDS,
) -> None:
    """Take a document from where it is to ready, or to failed with the reason in words.

    Doing it twice, or again after a crash, changes nothing more.
    """
    claim = partial(
        ingest_rows.claim_document,
        document_id=document_id,
        lease_until=clock.now() + LEASE,
    )
    claimed = await parts.db.write(claim)
    if claimed is None:
        return
    work = _Ingest(parts, actor, *claimed, patience)
    try:
        await _run(work, document_id)
    except Superseded:
        await work.clean()


async def announce(parts: IngestParts, document: DocumentRow) -> None:
    """Tell the owner's pages that a document changed; they read the row."""
    try:
        await parts.redis.publish(changed_channel(document.owner_id), str(document.id))
    except RedisError as error:
        logger.warning("announce_failed", document=str(document.id), error=str(error))


async def _run(work: _Ingest, document_id: UUID) -> None:
    heartbeat = asyncio.create_task(work.stay_alive())
    try:
        await work.run()
    except Superseded:
        raise
    except AppError as error:  # lint-skip: edge-catch
        logger.info("ingest_failed", document=str(document_id), reason=error.message)
        await work.fail(error.message)
    except Exception:  # lint-skip: edge-catch
        # The job is an edge: whatever happened, the owner sees that it did.
        logger.exception("ingest_crashed", document=str(document_id))
        await work.fail(_UNEXPECTED)
    finally:
        heartbeat.cancel()
        await asyncio.gather(heartbeat, return_exceptions=True)
