"""Agents that the signed-in user may see: search, archive, copy, delete."""

from typing import Any

import reflex as rx

from app import routes
from app.backend.agents import service as agents
from app.backend.core.actor import Permission
from app.backend.identity.sharing_schemas import Shown
from app.backend.runs import service as runs
from app.state import edge, notices
from app.state.lines import AgentLine, agent_line
from app.state.paging import PAGE_SIZE, PagingMixin, length_again

ARCHIVED = "archived"
LEFT_OUT = (
    "The copy does not search the owner's collections: they are not shared with you."
)


class AgentListState(PagingMixin, rx.State):
    """A page of agents, newest first."""

    rows: rx.Field[list[AgentLine]] = rx.field(default_factory=list)
    text: rx.Field[str] = rx.field("")
    search_key: rx.Field[int] = rx.field(0)
    show: rx.Field[str] = rx.field("")
    doomed_id: rx.Field[str] = rx.field("")
    doomed_name: rx.Field[str] = rx.field("")

    @rx.event
    @edge.requires(Permission.VIEW_AGENT)
    async def load(self) -> None:
        """Show what the address asks for; of the same agents as before, as many as are shown."""
        before = (self.text, self.show)
        self._put_text(edge.query_value(self, "q"))
        self.show = edge.query_value(self, "show")
        if before != (self.text, self.show):
            self.rows = []
        self.rows = await self._read("", length_again(self.rows))

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Ask nothing any more."""
        self.doomed_id = ""

    @rx.event
    @edge.requires(Permission.VIEW_AGENT)
    async def search(self, text: str) -> None:
        """Show the agents whose name or description has `text`."""
        self.text = text
        await self._show_first()

    @rx.event
    @edge.requires(Permission.VIEW_AGENT)
    async def clear(self) -> None:
        """Show all agents again."""
        self._put_text("")
        await self._show_first()

    @rx.event
    @edge.requires(Permission.VIEW_AGENT)
    async def load_more(self) -> None:
        """Add the next page."""
        self.rows = [*self.rows, *await self._read(self._cursor)]

    @rx.event
    @edge.requires(Permission.CHANGE_AGENT)
    async def archive(self, agent_id: str) -> Any:
        """Take an agent out of the list."""
        name = await self._set_archived(agent_id, is_archived=True)
        return notices.done(
            f"{name} is archived.", undo="agent.restore", subject_id=agent_id
        )

    @rx.event
    @edge.requires(Permission.CHANGE_AGENT)
    async def restore(self, agent_id: str) -> Any:
        """Bring an archived agent back."""
        name = await self._set_archived(agent_id, is_archived=False)
        return notices.done(f"{name} is back.")

    @rx.event
    @edge.requires(Permission.ADD_AGENT)
    async def duplicate(self, agent_id: str) -> Any:
        """Make a copy and open it in the editor."""
        wanted = edge.parse_id(agent_id, "agent")
        async with edge.work(self) as (session, actor):
            hidden = (
                await agents.get_agent(session, actor, agent_id=wanted)
            ).collections_hidden
            copy = await agents.duplicate_agent(session, actor, agent_id=wanted)
        editor = rx.redirect(routes.agent_edit_path(copy.id))
        if not hidden:
            return editor
        return [editor, notices.done(LEFT_OUT)]

    @rx.event
    @edge.requires(Permission.DELETE_AGENT)
    async def ask_delete(self, agent_id: str, name: str) -> None:
        """Ask before deleting."""
        self.doomed_id, self.doomed_name = agent_id, name

    @rx.event
    @edge.requires(Permission.DELETE_AGENT)
    async def keep(self) -> None:
        """Close the question; nothing is deleted."""
        self.doomed_id = ""

    @rx.event
    @edge.requires(Permission.DELETE_AGENT)
    async def delete(self) -> Any:
        """Delete the agent that was asked about."""
        doomed, self.doomed_id = edge.parse_id(self.doomed_id, "agent"), ""
        async with edge.work(self) as (session, actor):
            await agents.delete_agent(session, actor, agent_id=doomed)
        self.rows = [row for row in self.rows if row.id != str(doomed)]
        return notices.done(f"{self.doomed_name} is deleted.")

    def _put_text(self, text: str) -> None:
        # The box keeps what is typed by itself; a new key makes it take our text.
        if text != self.text:
            self.search_key += 1
        self.text = text

    async def _set_archived(self, agent_id: str, *, is_archived: bool) -> str:
        wanted = edge.parse_id(agent_id, "agent")
        async with edge.work(self) as (session, actor):
            agent = await agents.archive_agent(
                session, actor, agent_id=wanted, is_archived=is_archived
            )
        await self._show_first()
        return agent.name

    async def _show_first(self) -> None:
        self.rows = await self._read("")

    async def _read(self, cursor: str, limit: int = PAGE_SIZE) -> list[AgentLine]:
        async with edge.read(self) as (session, actor):
            page = await agents.list_agents(
                session,
                actor,
                cursor=cursor or None,
                limit=limit,
                text=self.text,
                shown=Shown(self.show) if self.show in list(Shown) else Shown.MINE,
                is_archived=self.show == ARCHIVED,
            )
            found = await runs.with_last_run(session, actor, page.items)
        shown = len(self.rows) if cursor else 0
        self._note_page(page.next_cursor, shown + len(page.items))
        return [agent_line(agent) for agent in found]


notices.register_undo("agent.restore", AgentListState.restore)
