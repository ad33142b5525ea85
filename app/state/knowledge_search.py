"""Trying out what a search in one collection finds."""

from typing import Any

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app.backend.core.actor import Permission
from app.backend.knowledge import search
from app.backend.knowledge.excerpts import excerpt
from app.state import edge
from app.state.lines import score_words

SHOWN = 8
QUERY_LENGTH_MAX = 500


class Found(BaseModel):
    """One passage that a search found."""

    model_config = ConfigDict(frozen=True)

    chunk_id: str
    document_id: str
    document_name: str
    place: str
    text: str
    score: str


class KnowledgeSearchState(rx.State):
    """The last search and what it found."""

    query: rx.Field[str] = rx.field("")
    found: rx.Field[list[Found]] = rx.field(default_factory=list)
    is_searching: rx.Field[bool] = rx.field(False)
    is_relevant: rx.Field[bool] = rx.field(True)
    notes: rx.Field[list[str]] = rx.field(default_factory=list)
    milliseconds: rx.Field[int] = rx.field(0)
    _path: str = ""

    @rx.event
    @edge.requires(Permission.VIEW_KNOWLEDGE)
    async def load(self) -> None:
        """Forget a search in another collection."""
        if self._path != self.router.url.path:
            self.reset()

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Forget the search."""
        self.reset()

    @rx.event
    @edge.requires(Permission.VIEW_KNOWLEDGE)
    async def search(self, form: dict[str, str]) -> Any:
        """Show at once that the search is under way."""
        self.query = form.get("query", "").strip()[:QUERY_LENGTH_MAX]
        if not self.query:
            self.reset()
            return None
        self.is_searching, self._path = True, self.router.url.path
        return KnowledgeSearchState.find

    @rx.event(background=True)
    @edge.requires(Permission.VIEW_KNOWLEDGE)
    async def find(self) -> None:
        """Search; in the background, because the embedder may be busy."""
        query = self.query
        wanted = edge.id_in_path(self, "collection")
        actor = await edge.require_actor(self)
        try:
            result = await search.search(
                edge.services(),
                actor,
                collection_ids=[wanted],
                query=query,
                limit=SHOWN,
            )
        finally:
            async with self:
                self.is_searching = False
        async with self:
            if query == self.query:
                self.is_relevant, self.notes = result.is_relevant, result.notes
                self.milliseconds = round(result.milliseconds)
                self.found = [
                    Found(
                        chunk_id=str(item.chunk_id),
                        document_id=str(item.document_id),
                        document_name=item.document_name,
                        place=f"page {item.page}" if item.page else "",
                        text=excerpt(item.text, item.document_name),
                        score=score_words(item.score),
                    )
                    for item in result.passages
                ]
