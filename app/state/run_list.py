"""All runs of the signed-in user, newest first, filtered by status and agent."""

from typing import Any
from urllib.parse import urlencode

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app import routes
from app.backend.agents import service as agents
from app.backend.core.actor import Permission
from app.backend.core.run_events import RunStatus
from app.backend.runs import service as runs
from app.state import edge
from app.state.lines import RunLine, run_line
from app.state.paging import PAGE_SIZE, PagingMixin, length_again

AGENTS_OFFERED = 200
# Not a status of its own: failed, because its workers were lost time and again.
DEAD = "dead"


class Choice(BaseModel):
    """One entry of a filter."""

    model_config = ConfigDict(frozen=True)

    value: str
    text: str


class RunListState(PagingMixin, rx.State):
    """A page of runs; the filter is in the address."""

    rows: rx.Field[list[RunLine]] = rx.field(default_factory=list)
    status: rx.Field[str] = rx.field("")
    agent_id: rx.Field[str] = rx.field("")
    choices: rx.Field[list[Choice]] = rx.field(default_factory=list)

    @rx.var
    def is_filtered(self) -> bool:
        """Whether some runs are left out."""
        return bool(self.status or self.agent_id)

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def load(self) -> None:
        """Show what the address asks for; of the same runs as before, as many as are shown."""
        before = (self.status, self.agent_id)
        status = edge.query_value(self, "status")
        self.status = status if status in {*RunStatus, DEAD} else ""
        self.agent_id = edge.query_value(self, "agent")
        if before != (self.status, self.agent_id):
            self.rows = []
        async with edge.read(self) as (session, actor):
            page = await agents.list_agents(session, actor, limit=AGENTS_OFFERED)
        self.choices = [
            Choice(value=str(agent.id), text=agent.name) for agent in page.items
        ]
        self.rows = await self._read("", length_again(self.rows))

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def filter_status(self, status: str) -> Any:
        """Show only runs of one status, or all."""
        return _address(status, self.agent_id)

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def filter_agent(self, agent_id: str) -> Any:
        """Show only runs of one agent, or of all."""
        return _address(self.status, agent_id)

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def load_more(self) -> None:
        """Add the next page."""
        self.rows = [*self.rows, *await self._read(self._cursor)]

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def refresh(self) -> None:
        """Show what is new; the browser asks while the page is visible and shows its first page only."""
        if len(self.rows) > PAGE_SIZE:
            return
        rows = await self._read("")
        if rows != self.rows:
            self.rows = rows

    async def _read(self, cursor: str, limit: int = PAGE_SIZE) -> list[RunLine]:
        agent_id = edge.parse_id(self.agent_id, "agent") if self.agent_id else None
        async with edge.read(self) as (session, actor):
            page = await runs.list_runs(
                session,
                actor,
                agent_id=agent_id,
                status=None if self.status in {"", DEAD} else RunStatus(self.status),
                is_dead=self.status == DEAD,
                cursor=cursor or None,
                limit=limit,
            )
        shown = len(self.rows) if cursor else 0
        self._note_page(page.next_cursor, shown + len(page.items))
        return [run_line(run) for run in page.items]


def _address(status: str, agent_id: str) -> Any:
    wanted = {"status": status, "agent": agent_id}
    query = urlencode({name: value for name, value in wanted.items() if value})
    return rx.redirect(f"{routes.RUNS}?{query}" if query else routes.RUNS, replace=True)
