"""Whom a run waits for: those that it started, where they need a person."""

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app import routes
from app.backend.core.actor import Permission
from app.backend.runs import trees
from app.state import edge


class AskingLine(BaseModel):
    """A run that needs a person, and its page."""

    model_config = ConfigDict(frozen=True)

    agent_name: str
    path: str


class RunBelowState(rx.State):
    """The runs below `run_id` that need a person."""

    run_id: rx.Field[str] = rx.field("")
    asking: rx.Field[list[AskingLine]] = rx.field(default_factory=list)

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def refresh(self, run_id: str) -> None:
        """Look who asks; the browser does so while the run waits and the page is visible."""
        wanted = edge.parse_id(run_id, "run")
        async with edge.read(self) as (session, actor):
            tree = await trees.read_tree(session, actor, run_id=wanted)
        asking = [
            AskingLine(agent_name=node.agent_name, path=routes.run_path(node.id))
            for node in tree.asking(wanted)
        ]
        if (run_id, asking) != (self.run_id, self.asking):
            self.run_id, self.asking = run_id, asking
