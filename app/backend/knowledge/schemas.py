"""What knowledge shows and takes."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.backend.core.paging import Listed
from app.backend.core.run_events import Passage
from app.backend.core.texts import Name, Text
from app.backend.identity.sharing_schemas import Level


class DocumentStatus(StrEnum):
    """How far the ingest of a document is."""

    UPLOADED = "uploaded"
    PARSED = "parsed"
    CHUNKED = "chunked"
    EMBEDDED = "embedded"
    READY = "ready"
    FAILED = "failed"


class CollectionDraft(BaseModel):
    """A collection to be made or changed."""

    model_config = ConfigDict(frozen=True)

    name: Name
    description: Text = Field(default="", max_length=500)
    embedding_model: Text = Field(
        default="",
        max_length=300,
        description="As provider/model, or the name of the one on this machine. Empty: the default; of a collection that is there, the one it has.",
    )


class CollectionView(Listed):
    """A collection with its counts; `access` is what the asker may do, `owner_name` whose it is, if not theirs."""

    name: str
    description: str
    embedding_model: str
    documents: int
    chunks: int
    size: int
    created_at: datetime
    updated_at: datetime
    access: Level = Level.OWN
    owner_name: str = ""


class DocumentView(Listed):
    """A document and how far its ingest is."""

    collection_id: UUID
    name: str
    media_type: str
    size: int
    status: DocumentStatus
    error: str
    pages: int
    chunks_total: int
    chunks_done: int
    created_at: datetime
    updated_at: datetime


class ChunkView(Listed):
    """A passage in its place."""

    document_id: UUID
    ordinal: int
    text: str
    heading: str
    page: int | None
    start: int
    end: int


class DocumentText(BaseModel):
    """A stretch of a document's text around a passage.

    `text` begins at character `offset` of the document; the passage is `text[start:end]`.
    """

    model_config = ConfigDict(frozen=True)

    document: DocumentView
    chunk: ChunkView
    text: str
    offset: int
    start: int
    end: int
    has_before: bool
    has_after: bool


class SearchResult(BaseModel):
    """Passages, best first, and how long the search took; `is_relevant` says whether one of them may answer the query.

    `notes` say that a collection could be searched by words only; which one, and why, to its owner alone.
    """

    model_config = ConfigDict(frozen=True)

    query: str
    passages: list[Passage]
    milliseconds: float
    is_relevant: bool
    notes: list[str] = []
