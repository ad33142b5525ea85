"""Finds the passages that may answer a question: by meaning and by words, fused by rank."""

import operator
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple
from uuid import UUID

import structlog

from app.backend.core import acting, clock
from app.backend.core.actor import Actor
from app.backend.core.db import Database
from app.backend.core.errors import AppError, NotFound
from app.backend.core.run_events import Passage
from app.backend.core.together import both, each
from app.backend.knowledge import repository
from app.backend.knowledge.bm25 import WordIndexes
from app.backend.knowledge.chunking import searchable_text
from app.backend.knowledge.embeddings import Embedder, Vector, is_of_provider
from app.backend.knowledge.errors import EmbedderChanged
from app.backend.knowledge.index import Hit
from app.backend.knowledge.parts import SearchParts
from app.backend.knowledge.relevance import is_relevant
from app.backend.knowledge.repository import FoundPassage, SearchedCollection
from app.backend.knowledge.schemas import SearchResult

POOL = 40
NOT_BY_MEANING = (
    "A collection could not be searched by meaning, so it was ranked by words alone."
)
_RRF_DAMPING = 60
logger = structlog.get_logger(__name__)


async def search(
    parts: SearchParts,
    actor: Actor,
    *,
    collection_ids: Sequence[UUID],
    query: str,
    limit: int = 4,
    asker_id: UUID | None = None,
) -> SearchResult:
    """Return the passages of the actor's collections that fit `query` best; `asker_id` is for whom, if for somebody else.

    Why a collection could not be searched by meaning, and which one, is told to its owner alone.

    Raises:
        NotFound: a collection is not there, or not the actor's.
        ServiceUnavailable: the embedder here or the vector index does not answer.
    """
    started, asker_id = clock.monotonic(), asker_id or actor.user_id
    # An agent's owner searches, whoever runs it.
    with acting.as_user(actor.user_id):
        # Providers are asked for what the collections name; the embedder here says how near the best passages are.
        (vector,), legs = await both(
            parts.embedder.embed([query]),
            _search_words(parts, actor, collection_ids, query),
        )
        asked = await _embed_query(parts, legs, query, vector, asker_id)
        await each(_search_vectors(parts, leg, asked[leg.space], limit) for leg in legs)
        ranked = fuse([*_rank_by_meaning(legs), *(leg.words for leg in legs)])
        passages = await _to_passages(parts, actor, ranked, limit, legs, vector)
    weights = _weigh(parts.words, legs, query, passages)
    return SearchResult(
        query=query,
        passages=passages,
        milliseconds=round((clock.monotonic() - started) * 1000, 2),
        is_relevant=is_relevant(
            zip((item.score for item in passages), weights, strict=True)
        ),
        notes=_tell_causes(legs, asker_id),
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
    parts: SearchParts, actor: Actor, collection_ids: Sequence[UUID]
) -> Sequence[SearchedCollection]:
    async with parts.db.read() as session:
        found = await repository.find_collections(session, actor, collection_ids)
    missing = set(collection_ids) - {one.id for one in found}
    if missing:
        raise NotFound("collection", missing.pop())
    for one in found:
        _check_model(one, parts.embedder)
    return found


async def _embed_query(
    parts: SearchParts, legs: Sequence["_Leg"], query: str, own: Vector, asker_id: UUID
) -> dict["_Space", Vector | str]:
    """Return the query as a vector of each model, asked as the owner of the collection, or why there is none."""
    spaces = list(dict.fromkeys(leg.space for leg in legs))

    async def ask(space: _Space) -> Vector | str:
        if space.owner_id is None:
            return own
        try:
            (vector,) = await parts.embedders.embed(
                space.owner_id, space.model, [query], asker_id=asker_id
            )
        except AppError as error:  # lint-skip: edge-catch - there is a search by words
            logger.warning(
                "query_not_embedded",
                model=space.model,
                owner_id=str(space.owner_id),
                cause=error.message,
            )
            return error.message
        return vector

    return dict(zip(spaces, await each(map(ask, spaces)), strict=True))


def _tell_causes(legs: Sequence["_Leg"], asker_id: UUID) -> list[str]:
    # The name, and where the provider is, are nobody's business who only runs an agent.
    notes = [
        f"{leg.name!r} could not be searched by meaning, so it was ranked by words alone: {leg.cause}"
        if leg.space.owner_id == asker_id
        else NOT_BY_MEANING
        for leg in legs
        if leg.cause
    ]
    return list(dict.fromkeys(notes))


def _rank_by_meaning(legs: Sequence["_Leg"]) -> list[list[Hit]]:
    spaces = dict.fromkeys(leg.space for leg in legs)
    return [merge(leg.dense for leg in legs if leg.space == space) for space in spaces]


def _check_model(collection: SearchedCollection, embedder: Embedder) -> None:
    is_here = not is_of_provider(collection.embedding_model)
    if is_here and collection.embedding_model != embedder.name:
        message = f"The collection {collection.name!r} was made with the embedding model {collection.embedding_model!r}, and {embedder.name!r} is in use. Choose the other one for the collection under Knowledge, or set ATELIER_EMBEDDER back."
        raise EmbedderChanged(message)


class _Space(NamedTuple):
    """What vectors can be compared: those of one model. One of a provider is asked as somebody."""

    model: str
    owner_id: UUID | None

    @classmethod
    def of(cls, collection: SearchedCollection) -> "_Space":
        """Return the space of the vectors of a collection."""
        model = collection.embedding_model
        return cls(model, collection.owner_id if is_of_provider(model) else None)

    @property
    def is_of_provider(self) -> bool:
        """Whether a provider is asked."""
        return self.owner_id is not None


@dataclass
class _Leg:
    """What one collection has, by words and by meaning; `vectors` are those of its best by words, `scores` the similarities that are known.

    `cause` says why it was not searched by meaning, if so.
    """

    collection_id: UUID
    name: str
    index_id: UUID
    space: _Space
    words: list[Hit]
    vectors: dict[UUID, Vector] = field(default_factory=dict[UUID, Vector])
    dense: list[Hit] = field(default_factory=list[Hit])
    scores: dict[UUID, float] = field(default_factory=dict[UUID, float])
    cause: str = ""


async def _search_words(
    parts: SearchParts,
    actor: Actor,
    collection_ids: Sequence[UUID],
    query: str,
) -> list[_Leg]:
    collections = await _need_collections(parts, actor, collection_ids)
    return await each(_search_words_of(parts, actor, one, query) for one in collections)


async def _search_words_of(
    parts: SearchParts,
    actor: Actor,
    collection: SearchedCollection,
    query: str,
) -> _Leg:
    hits = await parts.words.query(
        collection.id,
        collection.version,
        query,
        limit=POOL,
        load_texts=partial(load_texts, parts.db, actor, collection.id),
    )
    space = _Space.of(collection)
    return _Leg(collection.id, collection.name, collection.index_id, space, hits)


async def _find_vectors(
    parts: SearchParts, index_id: UUID, chunk_ids: Sequence[UUID]
) -> dict[UUID, Vector]:
    if not chunk_ids:
        return {}
    return await parts.index.find_vectors(index_id, chunk_ids)


async def _search_vectors(
    parts: SearchParts, leg: _Leg, vector: Vector | str, limit: int
) -> None:
    if isinstance(vector, str):
        leg.cause = vector
        # They count twice, or the best of it would stand behind what others found in two ways.
        leg.dense = leg.words
        return
    found = parts.index.query(leg.index_id, vector, limit=POOL)
    if leg.space.is_of_provider:
        leg.dense = await found
        return
    # What only its words bring among the best is among the best by words.
    best = [hit.chunk_id for hit in leg.words[:limit]]
    leg.dense, leg.vectors = await both(found, _find_vectors(parts, leg.index_id, best))
    leg.scores = {hit.chunk_id: hit.score for hit in leg.dense}
    _score(leg, vector)


def _score(leg: _Leg, vector: Vector) -> None:
    for chunk_id, own in leg.vectors.items():
        if chunk_id not in leg.scores:
            leg.scores[chunk_id] = sum(map(operator.mul, vector, own))


async def _vectors_of(
    parts: SearchParts, leg: _Leg, found: Sequence[FoundPassage]
) -> dict[UUID, Vector]:
    """Return vectors of passages that can be compared with those of the embedder here, whose similarities are known."""
    if not leg.space.is_of_provider:
        return await _find_vectors(parts, leg.index_id, [one.id for one in found])
    if not found:
        return {}
    texts = [searchable_text(one.document_name, "", one.text) for one in found]
    vectors = await parts.embedder.embed(texts)
    return {one.id: own for one, own in zip(found, vectors, strict=True)}


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
        found = await repository.find_passages(session, actor, ranked[: limit * 2 + 8])
    kept = [found[chunk_id] for chunk_id in ranked if chunk_id in found][:limit]
    for leg in legs:
        own = [one for one in kept if one.collection_id == leg.collection_id]
        unknown = [one for one in own if one.id not in leg.scores]
        leg.vectors = await _vectors_of(parts, leg, unknown)
        _score(leg, vector)
    scores = {chunk_id: score for leg in legs for chunk_id, score in leg.scores.items()}
    return [
        Passage(
            n=n,
            chunk_id=one.id,
            document_id=one.document_id,
            document_name=one.document_name,
            page=one.page,
            text=one.text,
            score=round(scores.get(one.id, 0.0), 4),
        )
        for n, one in enumerate(kept, start=1)
    ]


def _weigh(
    words: WordIndexes,
    legs: Sequence[_Leg],
    query: str,
    passages: Sequence[Passage],
) -> list[float]:
    texts = [searchable_text(item.document_name, "", item.text) for item in passages]
    found = [words.weigh(leg.collection_id, query, texts) for leg in legs]
    return [max(column) for column in zip(*found, strict=True)]
