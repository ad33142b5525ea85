"""The vector index: one Chroma collection per knowledge collection, always with our own vectors."""

import asyncio
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import UUID

import chromadb
import httpx
import numpy as np
from chromadb.api import ClientAPI
from chromadb.api.models.Collection import (  # pyright: ignore[reportMissingTypeStubs]
    Collection,
)
from chromadb.config import Settings as ChromaSettings
from chromadb.errors import ChromaError, NotFoundError

from app.backend.core.settings import Settings
from app.backend.knowledge.embeddings import Vector
from app.backend.knowledge.errors import IndexUnavailable

BATCH = 64

T = TypeVar("T")


@dataclass(frozen=True)
class Hit:
    """A passage that one leg of the search found; for vectors, `score` is the cosine similarity."""

    chunk_id: UUID
    score: float


class VectorIndex(Protocol):
    """Finds passages by the meaning of a query."""

    async def upsert(
        self,
        collection_id: UUID,
        document_id: UUID,
        chunk_ids: Sequence[UUID],
        vectors: Sequence[Vector],
    ) -> None:
        """Store the vectors of a document's passages, replacing those already there."""
        ...

    async def query(
        self, collection_id: UUID, vector: Vector, *, limit: int
    ) -> list[Hit]:
        """Return the nearest passages, best first; none when the collection is empty."""
        ...

    async def find_vectors(
        self, collection_id: UUID, chunk_ids: Sequence[UUID]
    ) -> dict[UUID, Vector]:
        """Return the vectors of those of the passages that are there."""
        ...

    async def count(self, collection_id: UUID) -> int:
        """Return how many vectors a collection has."""
        ...

    async def delete_document(self, collection_id: UUID, document_id: UUID) -> None:
        """Remove the vectors of a document."""
        ...

    async def delete_collection(self, collection_id: UUID) -> None:
        """Remove a collection with all its vectors."""
        ...

    async def check(self) -> None:
        """Raise ServiceUnavailable when the index does not answer."""
        ...


class ChromaIndex:
    """Speaks to a Chroma server; connects at first use, so that it may be made before a fork."""

    def __init__(self, url: str, token: str = "") -> None:
        self._url = urllib.parse.urlsplit(url)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client: ClientAPI | None = None
        self._collections: dict[UUID, Collection] = {}

    async def upsert(
        self,
        collection_id: UUID,
        document_id: UUID,
        chunk_ids: Sequence[UUID],
        vectors: Sequence[Vector],
    ) -> None:
        """Store the vectors of a document's passages."""
        origin: Any = {"document": str(document_id)}

        def store() -> None:
            self._need(collection_id).upsert(
                ids=[str(chunk_id) for chunk_id in chunk_ids],
                embeddings=_plain(vectors),
                metadatas=[origin] * len(chunk_ids),
            )

        try:
            await self._call(store)
        except NotFoundError:
            # The one that was known is gone; it is made anew.
            await self._call(store)

    async def query(
        self, collection_id: UUID, vector: Vector, *, limit: int
    ) -> list[Hit]:
        """Return the nearest passages."""
        try:
            found = await self._call(
                lambda: self._find(collection_id).query(
                    query_embeddings=_plain([vector]),
                    n_results=limit,
                    include=["distances"],
                )
            )
        except NotFoundError:
            return []
        distances = found["distances"] or [[]]
        return [
            Hit(UUID(chunk_id), 1.0 - distance)
            for chunk_id, distance in zip(found["ids"][0], distances[0], strict=True)
        ]

    async def find_vectors(
        self, collection_id: UUID, chunk_ids: Sequence[UUID]
    ) -> dict[UUID, Vector]:
        """Return the vectors of the given passages."""
        try:
            found = await self._call(
                lambda: self._find(collection_id).get(
                    ids=[str(chunk_id) for chunk_id in chunk_ids],
                    include=["embeddings"],
                )
            )
        except NotFoundError:
            return {}
        vectors = np.asarray(found["embeddings"])
        return {
            UUID(chunk_id): vector.tolist()
            for chunk_id, vector in zip(found["ids"], vectors, strict=True)
        }

    async def count(self, collection_id: UUID) -> int:
        """Return how many vectors a collection has."""
        try:
            return await self._call(lambda: self._find(collection_id).count())
        except NotFoundError:
            return 0

    async def delete_document(self, collection_id: UUID, document_id: UUID) -> None:
        """Remove the vectors of a document."""
        try:
            await self._call(
                lambda: self._find(collection_id).delete(
                    where={"document": str(document_id)}
                )
            )
        except NotFoundError:
            return

    async def delete_collection(self, collection_id: UUID) -> None:
        """Remove a collection with all its vectors."""
        self._collections.pop(collection_id, None)
        try:
            await self._call(
                lambda: self._connect().delete_collection(_name(collection_id))
            )
        except NotFoundError:
            return

    async def check(self) -> None:
        """Ask for the server's heartbeat."""
        await self._call(lambda: self._connect().heartbeat())

    def _connect(self) -> ClientAPI:
        if self._client is None:
            is_secure = self._url.scheme == "https"
            self._client = chromadb.HttpClient(
                host=self._url.hostname or "127.0.0.1",
                port=self._url.port or (443 if is_secure else 80),
                ssl=is_secure,
                headers=self._headers,
                settings=ChromaSettings(
                    anonymized_telemetry=False,
                    # Without TLS, certificates are not even read: that takes longer than most questions.
                    chroma_server_ssl_verify=None if is_secure else False,
                ),
            )
        return self._client

    def _find(self, collection_id: UUID) -> Collection:
        if collection_id not in self._collections:
            self._collections[collection_id] = self._connect().get_collection(
                _name(collection_id), embedding_function=None
            )
        return self._collections[collection_id]

    def _need(self, collection_id: UUID) -> Collection:
        if collection_id not in self._collections:
            self._collections[collection_id] = self._connect().get_or_create_collection(
                _name(collection_id),
                embedding_function=None,
                configuration={"hnsw": {"space": "cosine"}},
            )
        return self._collections[collection_id]

    async def _call(self, function: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(function)
        except NotFoundError:
            # The server was replaced, or another process removed the collection.
            self._collections.clear()
            raise
        except (ChromaError, httpx.HTTPError, ValueError) as error:
            raise IndexUnavailable from error


def make_index(settings: Settings) -> ChromaIndex:
    """Return the index of this installation."""
    token = settings.chroma_token
    return ChromaIndex(settings.chroma_url, token.get_secret_value() if token else "")


def _name(collection_id: UUID) -> str:
    return f"collection-{collection_id}"


def _plain(vectors: Sequence[Vector]) -> Any:
    return list(vectors)
