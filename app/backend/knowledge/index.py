"""The vector index: one Chroma collection per knowledge collection, always with our own vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from app.backend.core.peer import PEER_ERRORS, NotThere, Peer
from app.backend.core.settings import Settings
from app.backend.knowledge.embeddings import Vector
from app.backend.knowledge.errors import IndexUnavailable

BATCH = 64
_REQUEST_SECONDS_MAX = 120
_API = "/api/v2"
_COLLECTIONS = f"{_API}/tenants/default_tenant/databases/default_database/collections"


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

    async def close(self) -> None:
        """Let go of connections."""
        ...


class ChromaIndex:
    """Speaks to a Chroma server; its own client would take half of the time of a search."""

    def __init__(self, url: str, token: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._server = Peer(url, headers=headers, seconds_max=_REQUEST_SECONDS_MAX)
        # By what id the server knows each collection.
        self._known: dict[UUID, str] = {}

    async def upsert(
        self,
        collection_id: UUID,
        document_id: UUID,
        chunk_ids: Sequence[UUID],
        vectors: Sequence[Vector],
    ) -> None:
        """Store the vectors of a document's passages."""
        body = {
            "ids": [str(chunk_id) for chunk_id in chunk_ids],
            "embeddings": list(vectors),
            "metadatas": [{"document": str(document_id)}] * len(chunk_ids),
        }
        if collection_id not in self._known:
            await self._make(collection_id)
        try:
            await self._ask(collection_id, "upsert", body)
        except NotThere:
            # The server was replaced, or another process removed the collection.
            await self._make(collection_id)
            await self._ask(collection_id, "upsert", body)

    async def query(
        self, collection_id: UUID, vector: Vector, *, limit: int
    ) -> list[Hit]:
        """Return the nearest passages."""
        body = {
            "query_embeddings": [vector],
            "n_results": limit,
            "include": ["distances"],
        }
        try:
            found = await self._ask(collection_id, "query", body)
        except NotThere:
            return []
        return [
            Hit(UUID(chunk_id), 1.0 - distance)
            for chunk_id, distance in zip(
                found["ids"][0], found["distances"][0], strict=True
            )
        ]

    async def find_vectors(
        self, collection_id: UUID, chunk_ids: Sequence[UUID]
    ) -> dict[UUID, Vector]:
        """Return the vectors of the given passages."""
        body = {
            "ids": [str(chunk_id) for chunk_id in chunk_ids],
            "include": ["embeddings"],
        }
        try:
            found = await self._ask(collection_id, "get", body)
        except NotThere:
            return {}
        return {
            UUID(chunk_id): vector
            for chunk_id, vector in zip(found["ids"], found["embeddings"], strict=True)
        }

    async def count(self, collection_id: UUID) -> int:
        """Return how many vectors a collection has."""
        try:
            return await self._ask(collection_id, "count")
        except NotThere:
            return 0

    async def delete_document(self, collection_id: UUID, document_id: UUID) -> None:
        """Remove the vectors of a document."""
        try:
            await self._ask(
                collection_id, "delete", {"where": {"document": str(document_id)}}
            )
        except NotThere:
            return

    async def delete_collection(self, collection_id: UUID) -> None:
        """Remove a collection with all its vectors."""
        self._known.pop(collection_id, None)
        try:
            await self._call("DELETE", f"{_COLLECTIONS}/{_name(collection_id)}")
        except NotThere:
            return

    async def check(self) -> None:
        """Ask for the server's heartbeat."""
        try:
            await self._call("GET", f"{_API}/heartbeat")
        except NotThere as error:
            raise IndexUnavailable from error

    async def close(self) -> None:
        """Close the connections."""
        await self._server.close()

    async def _ask(
        self, collection_id: UUID, verb: str, body: dict[str, Any] | None = None
    ) -> Any:
        if collection_id not in self._known:
            found = await self._call("GET", f"{_COLLECTIONS}/{_name(collection_id)}")
            self._known[collection_id] = found["id"]
        path = f"{_COLLECTIONS}/{self._known[collection_id]}/{verb}"
        try:
            return await self._call("GET" if body is None else "POST", path, body)
        except NotThere:
            self._known.clear()
            raise

    async def _make(self, collection_id: UUID) -> None:
        body = {
            "name": _name(collection_id),
            "configuration": {"hnsw": {"space": "cosine"}},
            "get_or_create": True,
        }
        found = await self._call("POST", _COLLECTIONS, body)
        self._known[collection_id] = found["id"]

    async def _call(self, method: str, path: str, body: object = None) -> Any:
        try:
            return await self._server.call(method, path, body)
        except PEER_ERRORS as error:
            raise IndexUnavailable from error


def make_index(settings: Settings) -> ChromaIndex:
    """Return the index of this installation."""
    token = settings.chroma_token
    return ChromaIndex(settings.chroma_url, token.get_secret_value() if token else "")


def _name(collection_id: UUID) -> str:
    return f"collection-{collection_id}"
