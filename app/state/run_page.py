"""The page of one run: which run the address names, and the tree that it is a part of."""

from typing import Any
from uuid import UUID

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app.backend.core.actor import Permission
from app.backend.core.errors import NotFound
from app.backend.runs import trees
from app.backend.runs.trees import RunNode
from app.state import edge
from app.state.lines import iso, shown_status
from app.state.run_feed import RunFeedState, read_run, show_run


class TreeLine(BaseModel):
    """A run in its tree."""

    model_config = ConfigDict(frozen=True)

    id: str
    depth: int
    agent_name: str
    status: str
    started_at: str
    completed_at: str
    is_here: bool


class RunPageState(rx.State):
    """Whether there is such a run, and its tree if it is not alone; all else is in the run store."""

    is_missing: rx.Field[bool] = rx.field(False)
    tree: rx.Field[list[TreeLine]] = rx.field(default_factory=list)
    parent_name: rx.Field[str] = rx.field("")

    @rx.var
    def is_growing(self) -> bool:
        """Whether a run of the tree goes on."""
        return any(not line.completed_at for line in self.tree)

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def load(self) -> Any:
        """Follow the run of the address."""
        try:
            run_id = edge.id_in_path(self, "run")
            view = await read_run(self, run_id)
            await self._read(run_id)
        except NotFound:
            self.is_missing, self.tree, self.parent_name = True, [], ""
            return RunFeedState.disconnect
        # Shown in this very answer; what follows it comes later.
        show_run(await self.get_state(RunFeedState), view)
        self.is_missing = False
        return RunFeedState.keep_up(str(run_id))

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def refresh(self) -> None:
        """Show what is new in the tree; the browser asks while the page is visible."""
        await self._read(edge.id_in_path(self, "run"))

    async def _read(self, run_id: UUID) -> None:
        async with edge.read(self) as (session, actor):
            found = await trees.read_tree(session, actor, run_id=run_id)
        lines = [_tree_line(node, run_id) for node in found.items]
        names = {node.id: node.agent_name for node in found.items}
        parents = [node.parent_id for node in found.items if node.id == run_id]
        name = next((names.get(one, "") for one in parents if one), "")
        lines = lines if len(lines) > 1 else []
        if (lines, name) != (self.tree, self.parent_name):
            self.tree, self.parent_name = lines, name


def _tree_line(node: RunNode, run_id: UUID) -> TreeLine:
    return TreeLine(
        id=str(node.id),
        depth=node.depth,
        agent_name=node.agent_name,
        status=shown_status(node.status, node.waits_for_id, node.error_code),
        started_at=iso(node.started_at),
        completed_at=iso(node.completed_at),
        is_here=node.id == run_id,
    )
