"""One document: its text around a passage, which stands out."""

from uuid import UUID

import reflex as rx

from app.backend.core.actor import Actor, Permission
from app.backend.core.db import Session
from app.backend.core.errors import NotFound
from app.backend.knowledge import service as knowledge
from app.backend.knowledge import uploads
from app.backend.knowledge.schemas import ChunkView, DocumentText
from app.state import edge
from app.state.lines import DocumentLine, document_line
from app.state.pieces import Piece, cut

_NONE = DocumentLine(
    id="",
    name="",
    size="",
    status="",
    stage=0,
    percent=0,
    progress="",
    error="",
    pages=0,
    chunks=0,
    is_final=False,
    created_at="",
)


class DocumentState(rx.State):
    """The document that the address names, at the passage that `?chunk=` names, or at its first."""

    shown: rx.Field[DocumentLine] = rx.field(default_factory=lambda: _NONE)
    collection: rx.Field[str] = rx.field("")
    collection_name: rx.Field[str] = rx.field("")
    is_loading: rx.Field[bool] = rx.field(True)
    is_missing: rx.Field[bool] = rx.field(False)
    lacks_passage: rx.Field[bool] = rx.field(False)
    before: rx.Field[list[Piece]] = rx.field(default_factory=list)
    passage: rx.Field[list[Piece]] = rx.field(default_factory=list)
    after: rx.Field[list[Piece]] = rx.field(default_factory=list)
    has_before: rx.Field[bool] = rx.field(False)
    has_after: rx.Field[bool] = rx.field(False)
    place: rx.Field[str] = rx.field("")
    previous_chunk: rx.Field[str] = rx.field("")
    next_chunk: rx.Field[str] = rx.field("")

    @rx.event
    @edge.requires(Permission.VIEW_KNOWLEDGE)
    async def load(self) -> None:
        """Show what the address names; a passage that is gone gives way to the first."""
        self.reset()
        try:
            wanted = edge.id_in_path(self, "document")
            async with edge.read(self) as (session, actor):
                document = await knowledge.get_document(
                    session, actor, document_id=wanted
                )
                collection = await knowledge.get_collection(
                    session, actor, collection_id=document.collection_id
                )
                (first,) = await knowledge.list_chunks(
                    session, actor, document_id=wanted, limit=1
                ) or [None]
                named = await self._find_named(session, actor, wanted)
        except NotFound:
            self.is_missing, self.is_loading = True, False
            return
        self.shown = document_line(document)
        self.collection, self.collection_name = str(collection.id), collection.name
        if passage := named or first:
            self._show(
                await uploads.show_passage(edge.services(), actor, chunk_id=passage.id)
            )
            await self._find_neighbours(passage)
            self.lacks_passage = named is None and bool(edge.query_value(self, "chunk"))
        self.is_loading = False

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Forget the document."""
        self.reset()

    async def _find_named(
        self, session: Session, actor: Actor, document_id: UUID
    ) -> ChunkView | None:
        try:
            chunk_id = edge.parse_id(edge.query_value(self, "chunk"), "passage")
            chunk = await knowledge.get_chunk(session, actor, chunk_id=chunk_id)
        except NotFound:
            return None
        return chunk if chunk.document_id == document_id else None

    def _show(self, found: DocumentText) -> None:
        self.before, self.passage, self.after = cut(
            found.text, found.start, found.end, name=found.document.name
        )
        self.has_before, self.has_after = found.has_before, found.has_after
        number = f"{found.chunk.ordinal + 1} of {found.document.chunks_total}"
        page = f", page {found.chunk.page}" if found.chunk.page else ""
        heading = f", {found.chunk.heading}" if found.chunk.heading else ""
        self.place = f"{number}{page}{heading}"

    async def _find_neighbours(self, passage: ChunkView) -> None:
        async with edge.read(self) as (session, actor):
            near = await knowledge.list_chunks(
                session,
                actor,
                document_id=passage.document_id,
                after=passage.ordinal - 2,
                limit=3,
            )
        places = {item.ordinal: str(item.id) for item in near}
        self.previous_chunk = places.get(passage.ordinal - 1, "")
        self.next_chunk = places.get(passage.ordinal + 1, "")
