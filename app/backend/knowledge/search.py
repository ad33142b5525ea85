"""Finds the passages that may answer a question: by meaning and by words, fused by rank."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from uuid import UUID

from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.db import Database
from app.backend.core.errors import NotFound
from app.backend.core.run_events import Passage
from app.backend.knowledge import repository
from app.backend.knowledge.bm25 import WordIndexes
from app.backend.knowledge.chunking import searchable_text
from app.backend.knowledge.embeddings import Embedder, Vector
from app.backend.knowledge.errors import EmbedderChanged
from app.backend.knowledge.index import Hit
from app.backend.knowledge.parts import SearchParts
from app.backend.knowledge.relevance import is_relevant
from app.backend.knowledge.schemas import SearchResult
from app.backend.knowledge.tables import ChunkRow, CollectionRow

POOL = 40
_RRF_DAMPING = 60


async def search(
    parts: SearchParts,
    actor: Actor,
    *,
    collection_ids: Sequence[UUID],
    query: str,
    limit: int = 4,
) -> SearchResult:
    """Return the passages of the actor's collections that fit `query` best.

    Raises:
        NotFound: a collection is not there, or not the actor's.
        ServiceUnavailable: the embedder or the vector index does not answer.
    """
    started = clock.monotonic()
    (vector,), collections = await asyncio.gather(
        parts.embedder.embed([query]),
        _need_collections(parts.db, actor, collection_ids),
    )
    _check_models(collections, parts.embedder)
    legs = await asyncio.gather(
        *(_search_one(parts, actor, row, query, vector) for row in collections)
    )
    near = {hit.chunk_id: hit.score for dense, _ in legs for hit in dense}
    ranked = fuse([merge(dense for dense, _ in legs), *(words for _, words in legs)])
    passages = await _to_passages(
        parts, actor, ranked, limit, collections, vector, near
    )
    weights = await _weigh(parts.words, collections, query, passages)
    return SearchResult(
        query=query,
        passages=passages,
        milliseconds=round((clock.monotonic() - started) * 1000, 2),
        is_relevant=is_relevant(
            zip((item.score for item in passages), weights, strict=True)
        ),
    )


def fuse(rankings: Sequence[Sequence[Hit]]) -> list[UUID]:
    """Return ids by reciprocal rank fusion, best first."""
    scores = defaultdict[UUID, float](float)
    for ranking in rankings:
        for rank, hit in enumerate(ranking, start=1):
            scores[hit.chunk_id] += 1 / (_RRF_DAMPING + rank)
    return sorted(scores, key=lambda chunk_id: scores[chunk_id], reverse=True)


def merge(rankings: Iterable[Sequence[Hit]]) -> list[Hit]:
    """Return one ranking of several whose scores can be compared."""
    hits = [hit for ranking in rankings for hit in ranking]
    return sorted(hits, key=lambda hit: hit.score, reverse=True)[:POOL]


async def load_texts(
    db: Database, actor: Actor, collection_id: UUID
) -> list[tuple[UUID, str]]:
    """Return what the word index is made of."""
    async with db.read() as session:
        rows = await repository.list_texts(session, actor, collection_id)
    return [
        (chunk_id, searchable_text(name, heading, text))
        for chunk_id, name, heading, text in rows
    ]


async def _need_collections(
    db: Database, actor: Actor, collection_ids: Sequence[UUID]
) -> Sequence[CollectionRow]:
    async with db.read() as session:
        rows = await repository.find_collections(session, actor, collection_ids)
    missing = set(collection_ids) - {row.id for row in rows}
    if missing:
        raise NotFound("collection", missing.pop())
    return rows


def _check_models(collections: Sequence[CollectionRow], embedder: Embedder) -> None:
    for row in collections:
        if row.embedding_model != embedder.name:
            message = f"The collection {row.name!r} was made with the embedding model {row.embedding_model!r}, and {embedder.name!r} is in use. Set ATELIER_EMBEDDER back, or upload its documents to a new collection."
            raise EmbedderChanged(message)


async def _search_one(
    parts: SearchParts, actor: Actor, row: CollectionRow, query: str, vector: Vector
) -> tuple[list[Hit], list[Hit]]:
    return await asyncio.gather(
        parts.index.query(row.id, vector, limit=POOL),
        parts.words.query(
            row.id,
            row.version,
            query,
            limit=POOL,
            load_texts=partial(load_texts, parts.db, actor, row.id),
        ),
    )


async def _to_passages(
    parts: SearchParts,
    actor: Actor,
    ranked: Sequence[UUID],
    limit: int,
    collections: Sequence[CollectionRow],
    vector: Vector,
    near: dict[UUID, float],
) -> list[Passage]:
    async with parts.db.read() as session:
        # Twice as many as asked for: vectors of deleted or unfinished documents drop out here.
        rows = await repository.find_passages(session, actor, ranked[: limit * 2 + 8])
    kept = [rows[chunk_id] for chunk_id in ranked if chunk_id in rows][:limit]
    scores = near | await _score_missing(parts, collections, vector, near, kept)
    return [
        Passage(
            n=n,
            chunk_id=chunk.id,
            document_id=chunk.document_id,
            document_name=name,
            page=chunk.page,
            text=chunk.text,
            score=round(scores.get(chunk.id, 0.0), 4),
        )
        for n, (chunk, name) in enumerate(kept, start=1)
    ]


async def _score_missing(
    parts: SearchParts,
    collections: Sequence[CollectionRow],
    vector: Vector,
    near: dict[UUID, float],
    kept: Sequence[tuple[ChunkRow, str]],
) -> dict[UUID, float]:
    """Return the similarity of passages that only their words brought in."""
    found: dict[UUID, float] = {}
    for row in collections:
        missing = [
            chunk.id
            for chunk, _ in kept
            if chunk.collection_id == row.id and chunk.id not in near
        ]
        if missing:
            hits = await parts.index.score(row.id, vector, missing)
            found |= {hit.chunk_id: hit.score for hit in hits}
    return found


async def _weigh(
    words: WordIndexes,
    collections: Sequence[CollectionRow],
    query: str,
    passages: Sequence[Passage],
) -> list[float]:
    texts = [searchable_text(item.document_name, "", item.text) for item in passages]
    found = [words.weigh(row.id, query, texts) for row in collections]
    return [max(column) for column in zip(*found, strict=True)]
