"""The home page: what is healthy, what runs, what ran, and what to ask."""

from typing import Any

import reflex as rx

from app import routes
from app.backend.agents import service as agents
from app.backend.core.actor import Permission
from app.backend.core.run_events import RunStatus
from app.backend.models import service as models
from app.backend.runs import service as runs
from app.backend.runs.schemas import RunDraft, RunFilter
from app.state import edge
from app.state.lines import AgentLine, RunLine, agent_line, run_line

AGENTS_SHOWN = 6
RECENT_SHOWN = 8
ACTIVE = RunFilter(statuses=[each for each in RunStatus if not each.is_terminal])
_FAILED = (RunStatus.FAILED, RunStatus.TIMED_OUT)
ENDED = RunFilter(statuses=[each for each in RunStatus if each.is_terminal])


class DashboardState(rx.State):
    """Agents and runs, as of the last look."""

    is_loading: rx.Field[bool] = rx.field(True)
    agents: rx.Field[list[AgentLine]] = rx.field(default_factory=list)
    active: rx.Field[list[RunLine]] = rx.field(default_factory=list)
    recent: rx.Field[list[RunLine]] = rx.field(default_factory=list)
    completed_today: rx.Field[int] = rx.field(0)
    failed_today: rx.Field[int] = rx.field(0)
    has_small_model: rx.Field[bool] = rx.field(False)

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def load(self) -> None:
        """Show everything."""
        settings = edge.services().settings
        async with edge.read(self) as (session, actor):
            page = await agents.list_agents(session, actor, limit=AGENTS_SHOWN)
            found = await runs.with_last_run(session, actor, page.items)
            default = await models.default_of_new(session, actor, settings=settings)
        self.agents = [agent_line(agent) for agent in found]
        self.has_small_model = default.startswith("local/smollm")
        await self._show_runs()
        self.is_loading = False

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def refresh(self) -> None:
        """Show what has changed since the last look; the browser asks while the page is visible."""
        await self._show_runs()

    @rx.event
    @edge.requires(Permission.ADD_RUN)
    async def ask(self, agent_id: str, query: str) -> Any:
        """Ask an agent one of its suggested questions, and watch it answer."""
        wanted = edge.parse_id(agent_id, "agent")
        draft = RunDraft(input={"query": query})
        async with edge.work(self) as (session, actor):
            run = await runs.start_run(
                session,
                actor,
                agent_id=wanted,
                draft=draft,
                parts=edge.services(),
            )
        return rx.redirect(routes.agent_path(wanted, run.id))

    async def _show_runs(self) -> None:
        async with edge.read(self) as (session, actor):
            active = await runs.list_runs(
                session, actor, wanted=ACTIVE, limit=RECENT_SHOWN
            )
            recent = await runs.list_runs(
                session, actor, wanted=ENDED, limit=RECENT_SHOWN
            )
            today = await runs.count_today(
                session, actor, [RunStatus.COMPLETED, *_FAILED]
            )
        # An unchanged var is not sent again.
        lines = [run_line(run) for run in active.items]
        if lines != self.active:
            self.active = lines
        lines = [run_line(run) for run in recent.items]
        if lines != self.recent:
            self.recent = lines
        self.completed_today = today.get(RunStatus.COMPLETED, 0)
        self.failed_today = sum(today.get(status, 0) for status in _FAILED)
