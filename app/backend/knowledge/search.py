"""Finds the passages that may answer a question: by meaning and by words, fused by rank."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
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
from app.backend.knowledge.tables import CollectionRow

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
    (vector,), legs = await asyncio.gather(
        parts.embedder.embed([query]),
        _search_words(parts, actor, collection_ids, query),
    )
    _check_models([leg.row for leg in legs], parts.embedder)
    await asyncio.gather(*(_search_vectors(parts, leg, vector, limit) for leg in legs))
    ranked = fuse([merge(leg.dense for leg in legs), *(leg.words for leg in legs)])
    passages = await _to_passages(parts, actor, ranked, limit, legs, vector)
    weights = _weigh(parts.words, legs, query, passages)
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


@dataclass
class _Leg:
    """What one collection has, by words and by meaning; `scores` are the similarities that are known."""

    row: CollectionRow
    words: list[Hit]
    dense: list[Hit] = field(default_factory=list[Hit])
    scores: dict[UUID, float] = field(default_factory=dict[UUID, float])


async def _search_words(
    parts: SearchParts, actor: Actor, collection_ids: Sequence[UUID], query: str
) -> list[_Leg]:
    rows = await _need_collections(parts.db, actor, collection_ids)
    found = await asyncio.gather(
        *(
            parts.words.query(
                row.id,
                row.version,
                query,
                limit=POOL,
                load_texts=partial(load_texts, parts.db, actor, row.id),
            )
            for row in rows
        )
    )
    return [_Leg(row, words) for row, words in zip(rows, found, strict=True)]


async def _search_vectors(
    parts: SearchParts, leg: _Leg, vector: Vector, limit: int
) -> None:
    # What only its words bring among the best is among the best by words: its similarity is asked for meanwhile.
    best = [hit.chunk_id for hit in leg.words[:limit]]
    leg.dense, _ = await asyncio.gather(
        parts.index.query(leg.row.id, vector, limit=POOL),
        _score(parts, leg, vector, best),
    )
    leg.scores |= {hit.chunk_id: hit.score for hit in leg.dense}


async def _score(
    parts: SearchParts, leg: _Leg, vector: Vector, chunk_ids: Sequence[UUID]
) -> None:
    if chunk_ids:
        hits = await parts.index.score(leg.row.id, vector, chunk_ids)
        leg.scores |= {hit.chunk_id: hit.score for hit in hits}


async def _to_passages(
    parts: SearchParts,
    actor: Actor,
    ranked: Sequence[UUID],
    limit: int,
    legs: Sequence[_Leg],
    vector: Vector,
) -> list[Passage]:
    async with parts.db.read() as session:
        # Twice as many as asked for: vectors of deleted or unfinished documents drop out here.
        rows = await repository.find_passages(session, actor, ranked[: limit * 2 + 8])
    kept = [rows[chunk_id] for chunk_id in ranked if chunk_id in rows][:limit]
    for leg in legs:
        own = [chunk.id for chunk, _ in kept if chunk.collection_id == leg.row.id]
        await _score(parts, leg, vector, [one for one in own if one not in leg.scores])
    scores = {chunk_id: score for leg in legs for chunk_id, score in leg.scores.items()}
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


def _weigh(
    words: WordIndexes,
    legs: Sequence[_Leg],
    query: str,
    passages: Sequence[Passage],
) -> list[float]:
    texts = [searchable_text(item.document_name, "", item.text) for item in passages]
    found = [words.weigh(leg.row.id, query, texts) for leg in legs]
    return [max(column) for column in zip(*found, strict=True)]
