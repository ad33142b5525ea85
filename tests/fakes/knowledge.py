"""Stand-ins for the embedder and the vector index; tests/integration/knowledge/test_contracts.py holds them to the real ones."""

import hashlib
import math
import operator
import re
from collections.abc import Sequence
from uuid import UUID

from app.backend.core.errors import ServiceUnavailable
from app.backend.knowledge.embeddings import Vector
from app.backend.knowledge.errors import IndexUnavailable
from app.backend.knowledge.index import Hit

SIZE = 64


class FakeEmbedder:
    """Texts that share words have near vectors; fails as often as it is told to."""

    name = "minilm-int8"

    def __init__(self, *, failures: int = 0) -> None:
        self.failures = failures
        self.texts: list[str] = []

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        if self.failures:
            self.failures -= 1
            message = "The model runtime does not answer. Try again."
            raise ServiceUnavailable(message, service="runtime")
        self.texts += texts
        return self.vectors(texts)

    def vectors(self, texts: Sequence[str]) -> list[Vector]:
        """Return the vectors without keeping the texts."""
        return [_to_vector(text) for text in texts]

    async def close(self) -> None:
        return


class FakeIndex:
    """Vectors in a dict; fails as often as it is told to."""

    def __init__(self, *, failures: int = 0) -> None:
        self.failures = failures
        self.rows: dict[UUID, dict[UUID, tuple[UUID, Vector]]] = {}

    async def upsert(
        self,
        collection_id: UUID,
        document_id: UUID,
        chunk_ids: Sequence[UUID],
        vectors: Sequence[Vector],
    ) -> None:
        await self.check()
        rows = self.rows.setdefault(collection_id, {})
        for chunk_id, vector in zip(chunk_ids, vectors, strict=True):
            rows[chunk_id] = (document_id, vector)

    async def query(
        self, collection_id: UUID, vector: Vector, *, limit: int
    ) -> list[Hit]:
        await self.check()
        hits = [
            Hit(chunk_id, sum(map(operator.mul, vector, own)))
            for chunk_id, (_, own) in self.rows.get(collection_id, {}).items()
        ]
        return sorted(hits, key=lambda hit: hit.score, reverse=True)[:limit]

    async def find_vectors(
        self, collection_id: UUID, chunk_ids: Sequence[UUID]
    ) -> dict[UUID, Vector]:
        await self.check()
        rows = self.rows.get(collection_id, {})
        return {
            chunk_id: rows[chunk_id][1] for chunk_id in chunk_ids if chunk_id in rows
        }

    async def count(self, collection_id: UUID) -> int:
        return len(self.rows.get(collection_id, {}))

    async def delete_document(self, collection_id: UUID, document_id: UUID) -> None:
        rows = self.rows.get(collection_id, {})
        self.rows[collection_id] = {
            chunk_id: row for chunk_id, row in rows.items() if row[0] != document_id
        }

    async def delete_collection(self, collection_id: UUID) -> None:
        self.rows.pop(collection_id, None)

    async def check(self) -> None:
        if self.failures:
            self.failures -= 1
            raise IndexUnavailable


def _to_vector(text: str) -> Vector:
    vector = [0.0] * SIZE
    for word in re.findall(r"\w+", text.lower()):
        vector[hashlib.sha256(word.encode()).digest()[0] % SIZE] += 1.0
    norm = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / norm for value in vector]
