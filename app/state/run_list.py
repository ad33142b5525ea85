"""All runs of the signed-in user, newest first, as the filters want them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app.backend.agents import service as agents
from app.backend.core import clock, ids
from app.backend.core.actor import Permission
from app.backend.core.run_events import RunStatus
from app.backend.runs import service as runs
from app.backend.runs.schemas import RunFilter
from app.state import edge
from app.state.lines import WAITS_FOR_RUN, RunLine, run_line
from app.state.paging import PAGE_SIZE, PagingMixin, length_again

AGENTS_OFFERED = 200
# Not a status of its own: failed, because its workers were lost time and again.
DEAD = "dead"
# Not a stretch that ends now: two days that the person names.
DAYS = "days"
_STRETCHES = {
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
_BOUNDS = ("since", "until")
_DAY = timedelta(days=1)
_LAST_DAY = datetime.max.replace(tzinfo=UTC) - _DAY
_TEXT_MAX = 200


class Choice(BaseModel):
    """One entry of a filter."""

    model_config = ConfigDict(frozen=True)

    value: str
    text: str


class RunWish(BaseModel):
    """What the filters say, as it stands in the address; nothing in a field asks for all."""

    model_config = ConfigDict(frozen=True)

    q: str = ""
    status: str = ""
    agent: str = ""
    trigger: str = ""
    when: str = ""
    since: str = ""
    until: str = ""
    tag: str = ""


class RunListState(PagingMixin, rx.State):
    """A page of runs, the filters, and which runs are picked."""

    rows: rx.Field[list[RunLine]] = rx.field(default_factory=list)
    wish: rx.Field[RunWish] = rx.field(default_factory=RunWish)
    wish_key: rx.Field[int] = rx.field(0)
    choices: rx.Field[list[Choice]] = rx.field(default_factory=list)
    picked: rx.Field[list[str]] = rx.field(default_factory=list)

    @rx.var
    def is_filtered(self) -> bool:
        """Whether some runs are left out."""
        said = self.wish.model_dump().items()
        return any(value for name, value in said if (name, value) != ("when", DAYS))

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def load(self) -> None:
        """Show what the address asks for; of the same runs as before, as many as are shown."""
        asked = {name: edge.query_value(self, name) for name in RunWish.model_fields}
        if (wish := _cleaned(asked)) != self.wish:
            self.rows, self.picked = [], []
            self.wish_key += 1
        self.wish = wish
        async with edge.read(self) as (session, actor):
            page = await agents.list_agents(session, actor, limit=AGENTS_OFFERED)
        self.choices = [
            Choice(value=str(agent.id), text=agent.name) for agent in page.items
        ]
        self.rows = await self._read("", length_again(self.rows))

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def want(self, name: str, value: str) -> None:
        """Set one filter, and show the first page of what it leaves."""
        wish = _cleaned({**self.wish.model_dump(), name: value[:_TEXT_MAX]})
        if wish != self.wish:
            self.wish, self.picked = wish, []
            self.rows = await self._read("")

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def only_tag(self, tag: str) -> None:
        """Show only runs with the tag of a row."""
        self.wish, self.picked = _cleaned({**self.wish.model_dump(), "tag": tag}), []
        self.wish_key += 1
        self.rows = await self._read("")

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def clear(self) -> None:
        """Show all runs again."""
        self.wish, self.picked = RunWish(), []
        # The boxes keep what is typed by themselves; a new key makes them take our text.
        self.wish_key += 1
        self.rows = await self._read("")

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def load_more(self) -> None:
        """Add the next page."""
        self.rows = [*self.rows, *await self._read(self._cursor)]

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def refresh(self) -> None:
        """Show what is new of the rows on the screen; the browser asks while the page is visible."""
        rows = await self._read("", length_again(self.rows))
        if rows != self.rows:
            self.rows = rows
        shown = {row.id for row in rows}
        if not shown.issuperset(self.picked):
            self.picked = [run_id for run_id in self.picked if run_id in shown]

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def pick(self, run_id: str, is_picked: bool) -> None:
        """Pick a run, or let it go."""
        others = [each for each in self.picked if each != run_id]
        self.picked = [*others, run_id] if is_picked else others

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def pick_all(self, is_picked: bool) -> None:
        """Pick all runs on the screen, or none."""
        self.picked = [row.id for row in self.rows] if is_picked else []

    async def _read(self, cursor: str, limit: int = PAGE_SIZE) -> list[RunLine]:
        async with edge.read(self) as (session, actor):
            page = await runs.list_runs(
                session,
                actor,
                wanted=_filter_of(self.wish),
                cursor=cursor or None,
                limit=limit,
            )
        shown = len(self.rows) if cursor else 0
        self._note_page(page.next_cursor, shown + len(page.items))
        return [run_line(run) for run in page.items]


def _cleaned(asked: Mapping[str, str]) -> RunWish:
    """Return a wish from what an address or a tab says; what is no choice is left out."""
    kept = {name: asked.get(name, "")[:_TEXT_MAX] for name in RunWish.model_fields}
    if not ids.is_id(kept["agent"]):
        kept["agent"] = ""
    if kept["status"] not in {*RunStatus, DEAD, WAITS_FOR_RUN}:
        kept["status"] = ""
    kept |= {name: kept[name] if _day(kept[name]) else "" for name in _BOUNDS}
    if not kept["when"] and any(kept[name] for name in _BOUNDS):
        kept["when"] = DAYS
    if kept["when"] not in {*_STRETCHES, DAYS}:
        kept["when"] = ""
    if kept["when"] != DAYS:
        kept |= dict.fromkeys(_BOUNDS, "")
    return RunWish(**kept)


def _filter_of(wish: RunWish) -> RunFilter:
    since, until = _day(wish.since), _day(wish.until)
    if wish.when in _STRETCHES:
        since = clock.now() - _STRETCHES[wish.when]
    is_dead, waits_for_run = wish.status == DEAD, wish.status == WAITS_FOR_RUN
    status = RunStatus.WAITING if waits_for_run else wish.status
    return RunFilter(
        agent_id=edge.parse_id(wish.agent, "agent") if wish.agent else None,
        statuses=[RunStatus(status)] if status and not is_dead else [],
        trigger=wish.trigger,
        since=since,
        until=min(until, _LAST_DAY) + _DAY if until else None,
        text=wish.q,
        tags=[wish.tag] if wish.tag else [],
        is_dead=is_dead,
        # Who looks for runs that need them gets no others.
        waits_for_run=waits_for_run if status == RunStatus.WAITING else None,
    )


def _day(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        return None
