"""The page of one run: which run the address names."""

from typing import Any

import reflex as rx

from app.backend.core.actor import Permission
from app.backend.core.errors import NotFound
from app.backend.runs import service as runs
from app.state import edge
from app.state.run_feed import RunFeedState


class RunPageState(rx.State):
    """Whether there is such a run; all else is in the run store."""

    is_missing: rx.Field[bool] = rx.field(False)

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def load(self) -> Any:
        """Follow the run of the address."""
        try:
            run_id = edge.id_in_path(self, "run")
            async with edge.read(self) as (session, actor):
                await runs.get_run(session, actor, run_id=run_id)
        except NotFound:
            self.is_missing = True
            return RunFeedState.disconnect
        self.is_missing = False
        return RunFeedState.follow(str(run_id))
