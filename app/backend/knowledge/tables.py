"""Rows of knowledge: collections of documents, cut into chunks."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Index
from sqlmodel import Field, UniqueConstraint, col
from typing_extensions import override

from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.rows import OwnedRow, UtcColumn
from app.backend.identity.sharing_repository import is_shared
from app.backend.identity.tables import ShareRow


class CollectionShareRow(ShareRow, table=True):
    """With whom a collection is shared: to search and read it, or to change it."""

    __table_args__ = (
        UniqueConstraint("user_id", "object_id"),
        UniqueConstraint("group_id", "object_id"),
    )

    object_id: UUID = Field(foreign_key="collection.id", index=True, ondelete="CASCADE")


class CollectionRow(OwnedRow, table=True):
    """A set of documents that agents can search; `version` rises with each change of its chunks.

    Its vectors are of one model. With another model they begin anew, under `vectors_id`; before that under its own id.
    What is in it belongs to its owner, whoever has put it there.
    While it lacks the manual that a worker uploads to it, `manual_due_at` says when the worker is asked again.
    """

    __table_args__ = (Index("ix_collection_owner_id_id", "owner_id", "id"),)

    # The index that begins with it serves the lists too.
    owner_id: UUID = Field(foreign_key="user.id", ondelete="CASCADE")
    name: str = Field(max_length=100)
    description: str = ""
    embedding_model: str
    vectors_id: UUID | None = None
    version: int = 0
    manual_due_at: datetime | None = Field(default=None, sa_type=UtcColumn, index=True)
    updated_at: datetime = Field(default_factory=clock.now, sa_type=UtcColumn)

    @property
    def index_id(self) -> UUID:
        """Under which name the vectors are in the index."""
        return self.vectors_id or self.id

    @override
    @classmethod
    def shared_with(cls, actor: Actor) -> ColumnElement[bool]:
        return is_shared(actor, CollectionShareRow, col(cls.id))


class DocumentRow(OwnedRow, table=True):
    """A document and how far its ingest is; `error` says in words why it failed.

    `dispatch` rises with each time the document is queued or claimed, and fences off an ingest that was
    taken for dead; `lease_until` says how long the present one is taken for alive.
    """

    __table_args__ = (
        UniqueConstraint("collection_id", "sha256"),
        Index("ix_document_owner_id_id", "owner_id", "id"),
        Index("ix_document_collection_id_id", "collection_id", "id"),
    )

    # The indexes that begin with these serve the lists too.
    owner_id: UUID = Field(foreign_key="user.id", ondelete="CASCADE")

    collection_id: UUID = Field(foreign_key="collection.id", ondelete="CASCADE")
    file_id: UUID = Field(foreign_key="file.id")
    name: str = Field(max_length=255)
    media_type: str
    size: int
    sha256: str
    status: str = Field(index=True)
    error: str = ""
    dispatch: int = 0
    pages: int = 0
    chunks_total: int = 0
    chunks_done: int = 0
    lease_until: datetime | None = Field(default=None, sa_type=UtcColumn)
    updated_at: datetime = Field(default_factory=clock.now, sa_type=UtcColumn)

    @override
    @classmethod
    def shared_with(cls, actor: Actor) -> ColumnElement[bool]:
        return is_shared(actor, CollectionShareRow, col(cls.collection_id))


class ChunkRow(OwnedRow, table=True):
    """A passage of a document: characters `start` to `end` of its parsed text; `page` counts from 1."""

    __table_args__ = (UniqueConstraint("document_id", "ordinal"),)

    # Found by id, document or collection. With an index of owners SQLite would read all that somebody owns.
    owner_id: UUID = Field(foreign_key="user.id", ondelete="CASCADE")
    collection_id: UUID = Field(
        foreign_key="collection.id", index=True, ondelete="CASCADE"
    )
    document_id: UUID = Field(foreign_key="document.id", ondelete="CASCADE")
    ordinal: int
    text: str
    heading: str = ""
    page: int | None = None
    start: int
    end: int

    @override
    @classmethod
    def shared_with(cls, actor: Actor) -> ColumnElement[bool]:
        return is_shared(actor, CollectionShareRow, col(cls.collection_id))
