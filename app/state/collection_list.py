"""Collections of documents that the signed-in user may see."""

from typing import Any

import reflex as rx

from app import routes
from app.backend.core.actor import Permission
from app.backend.identity.sharing_schemas import Shown
from app.backend.knowledge import service as knowledge
from app.backend.knowledge.choice import choose_embedder, list_embedders
from app.backend.knowledge.schemas import CollectionDraft
from app.state import edge
from app.state.forms import FormMixin, filled_in
from app.state.lines import NO_COLLECTION, CollectionLine, collection_line
from app.state.paging import PAGE_SIZE, ROWS_MAX, PagingMixin, length_again


class CollectionListState(PagingMixin, FormMixin, rx.State):
    """A page of collections, newest first, and the form of a new one."""

    rows: rx.Field[list[CollectionLine]] = rx.field(default_factory=list)
    show: rx.Field[str] = rx.field("")
    is_adding: rx.Field[bool] = rx.field(False)
    embedders: rx.Field[list[str]] = rx.field(default_factory=list)
    fresh: rx.Field[CollectionLine] = rx.field(default_factory=lambda: NO_COLLECTION)

    @rx.event
    @edge.requires(Permission.VIEW_KNOWLEDGE)
    async def load(self) -> None:
        """Show what the address asks for: the first page, or as many as are shown."""
        show = edge.query_value(self, "show")
        if show != self.show:
            self.rows = []
        self.show = show
        await self._show(length_again(self.rows))

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Close the form."""
        self._clear_errors()
        self.is_adding = False

    @rx.event
    @edge.requires(Permission.VIEW_KNOWLEDGE)
    async def load_more(self) -> None:
        """Show more collections."""
        await self._show(min(len(self.rows) + PAGE_SIZE, ROWS_MAX))

    @rx.event
    @edge.requires(Permission.ADD_KNOWLEDGE)
    async def open_form(self) -> None:
        """Ask for the name, and the embedding model, of a new collection."""
        self._clear_errors()
        actor = await edge.require_actor(self)
        self.embedders = list(await list_embedders(edge.services(), actor))
        chosen = await choose_embedder(edge.services(), actor)
        self.fresh = NO_COLLECTION.model_copy(update={"embedding_model": chosen})
        self.is_adding = True

    @rx.event
    @edge.requires(Permission.ADD_KNOWLEDGE)
    async def close_form(self) -> None:
        """Make nothing."""
        self.is_adding = False

    @rx.event
    @edge.requires(Permission.ADD_KNOWLEDGE)
    async def create(self, form: dict[str, Any]) -> Any:
        """Make a collection and go there."""
        self._clear_errors()
        draft = CollectionDraft.model_validate(filled_in(form))
        actor = await edge.require_actor(self)
        model = await choose_embedder(edge.services(), actor, draft.embedding_model)
        async with edge.work(self) as (session, actor):
            made = await knowledge.create_collection(
                session,
                actor,
                draft=draft,
                embedding_model=model,
            )
        self.is_adding = False
        return rx.redirect(routes.collection_path(made.id))

    async def _show(self, limit: int) -> None:
        async with edge.read(self) as (session, actor):
            page = await knowledge.list_collections(
                session,
                actor,
                shown=Shown.SHARED if self.show == Shown.SHARED else Shown.MINE,
                limit=limit,
            )
        self.rows = [collection_line(collection) for collection in page.items]
        self._note_page(page.next_cursor, len(self.rows))
