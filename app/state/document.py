"""One document: its text around a passage, which stands out."""

import reflex as rx

from app.backend.core.actor import Permission
from app.backend.knowledge import service as knowledge
from app.backend.knowledge import uploads
from app.backend.knowledge.schemas import DocumentText
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
        """Show what the address names."""
        self.reset()
        wanted = edge.id_in_path(self, "document")
        chunk = edge.query_value(self, "chunk")
        async with edge.read(self) as (session, actor):
            document = await knowledge.get_document(session, actor, document_id=wanted)
            collection = await knowledge.get_collection(
                session, actor, collection_id=document.collection_id
            )
            first = await knowledge.list_chunks(
                session, actor, document_id=wanted, limit=1
            )
        self.shown = document_line(document)
        self.collection, self.collection_name = str(collection.id), collection.name
        if first:
            chunk_id = edge.parse_id(chunk, "passage") if chunk else first[0].id
            self._show(
                await uploads.show_passage(edge.services(), actor, chunk_id=chunk_id)
            )
            await self._find_neighbours(chunk_id)
        self.is_loading = False

    def _show(self, found: DocumentText) -> None:
        self.before, self.passage, self.after = cut(
            found.text, found.start, found.end, name=found.document.name
        )
        self.has_before, self.has_after = found.has_before, found.has_after
        number = f"{found.chunk.ordinal + 1} of {found.document.chunks_total}"
        page = f", page {found.chunk.page}" if found.chunk.page else ""
        heading = f", {found.chunk.heading}" if found.chunk.heading else ""
        self.place = f"{number}{page}{heading}"

    async def _find_neighbours(self, chunk_id: object) -> None:
        async with edge.read(self) as (session, actor):
            chunk = await knowledge.get_chunk(
                session, actor, chunk_id=edge.parse_id(str(chunk_id), "passage")
            )
            near = await knowledge.list_chunks(
                session,
                actor,
                document_id=chunk.document_id,
                after=chunk.ordinal - 2,
                limit=3,
            )
        places = {item.ordinal: str(item.id) for item in near}
        self.previous_chunk = places.get(chunk.ordinal - 1, "")
        self.next_chunk = places.get(chunk.ordinal + 1, "")
