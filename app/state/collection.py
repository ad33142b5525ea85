"""One collection: its documents and how far their ingest is."""

from typing import Any

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.backend.core.errors import NotFound
from app.backend.knowledge import service as knowledge
from app.backend.knowledge.choice import check_change, list_embedders
from app.backend.knowledge.schemas import CollectionDraft
from app.state import edge, notices
from app.state.forms import FormMixin, filled_in
from app.state.lines import (
    NO_COLLECTION,
    CollectionLine,
    DocumentLine,
    collection_line,
    document_line,
    size_words,
)
from app.state.paging import PAGE_SIZE, ROWS_MAX, PagingMixin, length_again


class CollectionState(PagingMixin, FormMixin, rx.State):
    """The collection that the address names; documents are newest first."""

    shown: rx.Field[CollectionLine] = rx.field(default_factory=lambda: NO_COLLECTION)
    rows: rx.Field[list[DocumentLine]] = rx.field(default_factory=list)
    bytes_max: rx.Field[int] = rx.field(0)
    is_missing: rx.Field[bool] = rx.field(False)
    is_editing: rx.Field[bool] = rx.field(False)
    embedders: rx.Field[list[str]] = rx.field(default_factory=list)
    doomed: rx.Field[str] = rx.field("")
    doomed_name: rx.Field[str] = rx.field("")

    @rx.var
    def is_busy(self) -> bool:
        """Whether a document is still on its way."""
        return any(not row.is_final for row in self.rows)

    @rx.var
    def size_max(self) -> str:
        """The largest file that is taken, in words."""
        return size_words(self.bytes_max)

    @rx.event
    @edge.requires(Permission.VIEW_KNOWLEDGE)
    async def load(self) -> None:
        """Show the collection and its first documents, or as many as are shown."""
        if self.shown.id and self.shown.id not in self.router.url.path:
            self.reset()
        self.bytes_max = edge.services().settings.upload_max_bytes
        await self._show(length_again(self.rows))

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Forget the collection."""
        self.reset()

    @rx.event
    @edge.requires(Permission.VIEW_KNOWLEDGE)
    async def refresh(self) -> None:
        """Show what has changed; the browser asks while something is on its way."""
        await self._show(length_again(self.rows))

    @rx.event
    @edge.requires(Permission.VIEW_KNOWLEDGE)
    async def load_more(self) -> None:
        """Show more documents."""
        await self._show(min(len(self.rows) + PAGE_SIZE, ROWS_MAX))

    @rx.event
    @edge.requires(Permission.CHANGE_KNOWLEDGE)
    async def retry(self, document_id: str) -> None:
        """Ingest a failed document again."""
        wanted = edge.parse_id(document_id, "document")
        async with edge.work(self) as (session, actor):
            await knowledge.retry_document(
                session, actor, document_id=wanted, outbox=edge.services().outbox
            )
        await self._show(length_again(self.rows))

    @rx.event
    @edge.requires(Permission.CHANGE_KNOWLEDGE)
    async def open_form(self) -> None:
        """Ask for another name, description or embedding model."""
        self._clear_errors()
        actor = await edge.require_actor(self)
        found = await list_embedders(edge.services(), actor)
        self.embedders = list(dict.fromkeys([*found, self.shown.embedding_model]))
        self.is_editing = True

    @rx.event
    @edge.requires(Permission.CHANGE_KNOWLEDGE)
    async def close_form(self) -> None:
        """Change nothing."""
        self.is_editing = False

    @rx.event
    @edge.requires(Permission.CHANGE_KNOWLEDGE)
    async def save(self, form: dict[str, Any]) -> Any:
        """Change name, description and embedding model."""
        self._clear_errors()
        draft = CollectionDraft.model_validate(filled_in(form))
        wanted = edge.parse_id(self.shown.id, "collection")
        actor = await edge.require_actor(self)
        await check_change(
            edge.services(),
            actor,
            collection_id=wanted,
            named=draft.embedding_model,
        )
        async with edge.work(self) as (session, actor):
            changed = await knowledge.update_collection(
                session,
                actor,
                collection_id=wanted,
                draft=draft,
                outbox=edge.services().outbox,
            )
        await self._show(length_again(self.rows))
        self.shown, self.is_editing = collection_line(changed), False
        return notices.done("The collection is saved.")

    @rx.event
    @edge.requires(Permission.DELETE_KNOWLEDGE)
    async def ask_delete(self, document_id: str, name: str) -> None:
        """Ask before deleting a document, or the collection when no document is named."""
        self.doomed, self.doomed_name = document_id or self.shown.id, name

    @rx.event
    @edge.requires(Permission.DELETE_KNOWLEDGE)
    async def keep(self) -> None:
        """Delete nothing."""
        self.doomed = ""

    @rx.event
    @edge.requires(Permission.DELETE_KNOWLEDGE)
    async def delete(self) -> Any:
        """Delete what was asked about."""
        is_whole = self.doomed == self.shown.id
        doomed, self.doomed = edge.parse_id(self.doomed, "document"), ""
        outbox = edge.services().outbox
        async with edge.work(self) as (session, actor):
            if is_whole:
                await knowledge.delete_collection(
                    session, actor, collection_id=doomed, outbox=outbox
                )
            else:
                await knowledge.delete_document(
                    session, actor, document_id=doomed, outbox=outbox
                )
        said = notices.done(f"{self.doomed_name} is deleted.")
        if is_whole:
            return [rx.redirect(routes.KNOWLEDGE), said]
        await self._show(length_again(self.rows))
        return said

    async def _show(self, limit: int) -> None:
        try:
            wanted = edge.id_in_path(self, "collection")
            async with edge.read(self) as (session, actor):
                found = await knowledge.get_collection(
                    session, actor, collection_id=wanted
                )
                page = await knowledge.list_documents(
                    session, actor, collection_id=wanted, limit=limit
                )
        except NotFound:
            self.reset()
            self.is_missing = True
            return
        self.is_missing = False
        shown = collection_line(found)
        if shown != self.shown:
            self.shown = shown
        rows = [document_line(document) for document in page.items]
        if rows != self.rows:
            self.rows = rows
        self._note_page(page.next_cursor, len(rows))
