"""The parts that knowledge works with; a process's Services has them all."""

from typing import Protocol
from uuid import UUID

from redis.asyncio import Redis

from app.backend.core.db import Database
from app.backend.core.outbox import Outbox
from app.backend.core.settings import Settings
from app.backend.files.storage import ObjectStore
from app.backend.knowledge.bm25 import WordIndexes
from app.backend.knowledge.embeddings import Embedder, ProviderEmbedders
from app.backend.knowledge.index import VectorIndex
from app.backend.knowledge.parsers import Parsers

# What old vectors are called among what has to be removed.
VECTORS = "vectors"


class SearchParts(Protocol):
    """What a search needs."""

    @property
    def db(self) -> Database:
        """Rows."""
        ...

    @property
    def embedder(self) -> Embedder:
        """Text to vectors."""
        ...

    @property
    def embedders(self) -> ProviderEmbedders:
        """The same, with models of providers."""
        ...

    @property
    def index(self) -> VectorIndex:
        """Search by meaning."""
        ...

    @property
    def words(self) -> WordIndexes:
        """Search by words."""
        ...


class IngestParts(SearchParts, Protocol):
    """What uploads and ingest jobs need."""

    @property
    def settings(self) -> Settings:
        """Limits and folders."""
        ...

    @property
    def redis(self) -> Redis:
        """Where changes are announced."""
        ...

    @property
    def outbox(self) -> Outbox:
        """Where jobs are asked for."""
        ...

    @property
    def parsers(self) -> Parsers:
        """Originals to text."""
        ...

    @property
    def objects(self) -> ObjectStore:
        """Originals and parsed texts."""
        ...


def changed_channel(owner_id: UUID) -> str:
    """Redis channel that says an owner's documents changed; a message is the document's id."""
    return f"app:knowledge:{owner_id}:changed"


def original_key(collection_id: UUID, document_id: UUID) -> str:
    """Key of the bytes that were uploaded."""
    return f"{folder_key(collection_id, document_id)}/original"


def parsed_key(collection_id: UUID, document_id: UUID) -> str:
    """Key of the parsed text."""
    return f"{folder_key(collection_id, document_id)}/parsed.json"


def folder_key(collection_id: UUID, document_id: UUID | None = None) -> str:
    """Key below which lies all of a document, or of a collection."""
    folder = f"collections/{collection_id}"
    return f"{folder}/{document_id}" if document_id else folder
