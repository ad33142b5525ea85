"""The passage behind a citation, in its place in the document."""

from typing import Any

import reflex as rx

from app.backend.core.actor import Permission
from app.backend.core.errors import NotFound
from app.backend.knowledge import uploads
from app.state import edge
from app.state.lines import score_words
from app.state.pieces import Piece, cut
from app.state.run_feed import RunFeedState

BEFORE, AFTER = 400, 1500


class PassageState(rx.State):
    """One passage with the text before and after it, shown beside the answer."""

    is_open: rx.Field[bool] = rx.field(False)
    is_loading: rx.Field[bool] = rx.field(False)
    is_alone: rx.Field[bool] = rx.field(False)
    chunk_id: rx.Field[str] = rx.field("")
    document_id: rx.Field[str] = rx.field("")
    name: rx.Field[str] = rx.field("")
    number: rx.Field[int] = rx.field(0)
    page: rx.Field[int] = rx.field(0)
    score: rx.Field[str] = rx.field("")
    heading: rx.Field[str] = rx.field("")
    before: rx.Field[list[Piece]] = rx.field(default_factory=list)
    text: rx.Field[list[Piece]] = rx.field(default_factory=list)
    after: rx.Field[list[Piece]] = rx.field(default_factory=list)

    @rx.event
    @edge.requires(Permission.VIEW_KNOWLEDGE)
    async def open(self, chunk_id: str, number: int) -> Any:
        """Open the panel at once with what the answer has, then show the passage in its document."""
        feed = await self.get_state(RunFeedState)
        output = feed.output
        known = [*output.citations, *output.nearest] if output else []
        found = next((item for item in known if str(item.chunk_id) == chunk_id), None)
        self.reset()
        self.is_open, self.is_loading = True, True
        self.chunk_id, self.number = chunk_id, number
        if found is not None:
            self.document_id, self.name = str(found.document_id), found.document_name
            self.page, self.score = found.page or 0, score_words(found.score)
            _, self.text, _ = cut(
                found.text, 0, len(found.text), name=found.document_name
            )
        return PassageState.load

    @rx.event
    @edge.requires(Permission.VIEW_KNOWLEDGE)
    async def load(self) -> None:
        """Show the text around the passage, for those who may read its document."""
        wanted = edge.parse_id(self.chunk_id, "passage")
        async with edge.read(self) as (_, actor):
            pass
        self.is_loading = False
        try:
            shown = await uploads.show_passage(edge.services(), actor, chunk_id=wanted)
        except NotFound:
            # What the answer cites stays readable with the answer; its document is somebody else's, or gone.
            self.is_alone = True
            return
        self.document_id, self.name = str(shown.document.id), shown.document.name
        self.page, self.heading = shown.chunk.page or 0, shown.chunk.heading
        first = max(0, shown.start - BEFORE)
        self.before, self.text, self.after = cut(
            shown.text[first : shown.end + AFTER],
            shown.start - first,
            shown.end - first,
            name=shown.document.name,
        )

    @rx.event
    @edge.public
    async def close(self) -> None:
        """Close the panel."""
        self.is_open = False
