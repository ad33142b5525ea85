"""Trees of runs: a run, what it started, and what those started."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.db import Session
from app.backend.core.run_events import RunStatus
from app.backend.runs import service, tree_repository
from app.backend.runs.tables import RunRow

# A page and a terminal have no use for more; `ATELIER_RUN_TREE_MAX` is a tenth of it at first.
SHOWN_MAX = 1000


class RunNode(BaseModel):
    """A run in its tree; `seconds` are those since it began, up to its end or now."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    parent_id: UUID | None
    depth: int
    agent_id: UUID | None
    agent_name: str
    status: RunStatus
    error_code: str
    waits_for_id: UUID | None = Field(
        description="The run that it started and that it waits for."
    )
    tokens_in: int
    tokens_out: int
    seconds: float
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


class RunTree(BaseModel):
    """All runs of a tree: each is followed by those that it started, in their order."""

    model_config = ConfigDict(frozen=True)

    root_id: UUID
    items: list[RunNode]

    def asking(self, run_id: UUID) -> Sequence[RunNode]:
        """Return the runs below one of them that need a person."""
        ids = {run_id}
        found: list[RunNode] = []
        for node in self.items:
            if node.parent_id not in ids:
                continue
            ids.add(node.id)
            if node.status is RunStatus.WAITING and node.waits_for_id is None:
                found.append(node)
        return found


async def read_tree(session: Session, actor: Actor, *, run_id: UUID) -> RunTree:
    """Return the tree that a run belongs to, from its root.

    Raises:
        NotFound: the run is not there, or not the actor's.
    """
    run = await service.get_run(session, actor, run_id=run_id)
    root_id = run.root_id or run.id
    rows = await tree_repository.list_tree(session, actor, root_id, limit=SHOWN_MAX)
    root = [row for row in rows if row.id == root_id]
    return RunTree(
        root_id=root_id, items=[_to_node(row) for row in (*root, *below(rows, root_id))]
    )


def below(rows: Iterable[RunRow], run_id: UUID) -> Sequence[RunRow]:
    """Return the runs of a tree below one of them, each followed by those that it started."""
    children: dict[UUID, list[RunRow]] = defaultdict(list)
    for row in rows:
        if row.parent_id is not None:
            children[row.parent_id].append(row)
    found: list[RunRow] = []
    open_rows = children[run_id][::-1]
    while open_rows:
        row = open_rows.pop()
        found.append(row)
        open_rows += children[row.id][::-1]
    return found


def _to_node(row: RunRow) -> RunNode:
    took = (
        (row.completed_at or clock.now()) - row.started_at if row.started_at else None
    )
    return RunNode(
        **row.model_dump(include=set(RunNode.model_fields) - {"seconds"}),
        seconds=round(took.total_seconds(), 1) if took else 0.0,
    )
