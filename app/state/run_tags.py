"""The tags of the run that a page shows: one is added, another taken away."""

from collections.abc import Callable
from typing import Any

import reflex as rx

from app.backend.core.actor import Permission
from app.backend.runs import service as runs
from app.backend.runs import tags
from app.backend.runs.schemas import RunTags
from app.state import edge
from app.state.forms import FormMixin
from app.state.run_feed import RunFeedState, note_answer

FIELD = "tags"


def split_tags(text: str) -> list[str]:
    """Return the tags of a field, which have commas between them."""
    return [word for word in text.split(",") if word.strip()]


class RunTagsState(FormMixin, rx.State):
    """The small form of a run's tags."""

    @rx.event
    @edge.requires(Permission.CHANGE_RUN)
    async def add(self, form: dict[str, Any]) -> Any:
        """Give the run the tags of the field, besides those that it has."""
        self._clear_errors()
        more = split_tags(str(form.get(FIELD, "")))
        run_id = str(form.get("run_id", ""))
        await self._change(run_id, lambda before: [*before, *more])
        return rx.set_value(FIELD, "")

    @rx.event
    @edge.requires(Permission.CHANGE_RUN)
    async def remove(self, run_id: str, tag: str) -> None:
        """Take a tag away."""
        self._clear_errors()
        await self._change(
            run_id, lambda before: [each for each in before if each != tag]
        )

    async def _change(
        self, run_id: str, change: Callable[[list[str]], list[str]]
    ) -> None:
        wanted = edge.parse_id(run_id, "run")
        async with edge.work(self) as (session, actor):
            run = await runs.get_run(session, actor, run_id=wanted)
            checked = RunTags(tags=change(run.tags)).tags
            view = await tags.set_tags(session, actor, run_id=wanted, tags=checked)
        note_answer(await self.get_state(RunFeedState), view)
