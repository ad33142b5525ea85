"""The run store: the run that this tab shows, its status, its result, and the end of its log."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import reflex as rx

from app import routes
from app.backend.core import clock
from app.backend.core.actor import Permission
from app.backend.core.run_events import RunOutput
from app.backend.core.stored_events import RunEvent
from app.backend.runs import service as runs
from app.backend.runs.packing import Batch
from app.backend.runs.schemas import RunView
from app.state import edge, notices, tabs
from app.state.lines import TIMED_OUT, WAITS_FOR_RUN
from app.state.run_detail import (
    IDLE,
    EventLine,
    RunDetail,
    SourceLine,
    event_line,
    run_detail,
    source_line,
)

EVENTS_SHOWN = 6
_BUSY = ("queued", "running", WAITS_FOR_RUN)
GROWING = frozenset({"message_delta", "reasoning_delta"})
PUSH_SECONDS = 0.5
LOG_FIRST_SECONDS = 0.3
FOLLOW_SECONDS_MAX = 30 * 60


class RunFeedState(rx.State):
    """One run and how it goes; the log widget has the whole log, this store has its end."""

    is_connected: rx.Field[bool] = rx.field(True)
    agent_id: rx.Field[str] = rx.field("")
    current_run_id: rx.Field[str] = rx.field("")
    execution_status: rx.Field[str] = rx.field(IDLE)
    events: rx.Field[list[EventLine]] = rx.field(default_factory=list)
    run: rx.Field[RunDetail] = rx.field(default_factory=RunDetail)
    output: rx.Field[RunOutput | None] = rx.field(None)
    doing: rx.Field[str] = rx.field("")
    is_stopping: rx.Field[bool] = rx.field(False)
    _generation: int = 0
    _is_left: bool = False
    _seq: int = 0

    @rx.var
    def is_active(self) -> bool:
        """Whether the run goes on."""
        return self.execution_status in {"waiting", *_BUSY}

    @rx.var
    def is_busy(self) -> bool:
        """Whether the run works, or will soon, and has no answer yet."""
        return self.execution_status in _BUSY and self.output is None

    @rx.var
    def can_resume(self) -> bool:
        """Whether the run ended before it was complete."""
        return self.execution_status in {*runs.RESUMABLE, *TIMED_OUT}

    @rx.var
    def is_unanswered(self) -> bool:
        """Whether the documents had no answer."""
        # A stopped run has an unfinished answer, which says nothing about the documents.
        if self.execution_status != "completed" or self.output is None:
            return False
        return not self.output.is_answered

    @rx.var
    def citations(self) -> list[SourceLine]:
        """The sources of the answer."""
        return (
            [source_line(item) for item in self.output.citations] if self.output else []
        )

    @rx.var
    def nearest(self) -> list[SourceLine]:
        """What came nearest when nothing answered."""
        return (
            [source_line(item) for item in self.output.nearest] if self.output else []
        )

    @rx.var
    def caveat(self) -> str:
        """What to know before trusting the answer."""
        return self.output.caveat if self.output else ""

    @rx.event(background=True)
    @edge.requires(Permission.VIEW_RUN)
    async def follow(self, run_id: str) -> None:
        """Show a run and keep up with it until it ends, or the tab closes or leaves it."""
        await self._follow(run_id)

    @rx.event(background=True)
    @edge.requires(Permission.VIEW_RUN)
    async def keep_up(self, run_id: str) -> None:
        """Follow a run that is shown already, in a moment."""
        # The browser and this process are busy with the page and the log's first words; this store says the same, later.
        await asyncio.sleep(LOG_FIRST_SECONDS)
        await self._follow(run_id, is_shown=True)

    @rx.event(background=True)
    @edge.requires(Permission.VIEW_RUN)
    async def note_connection(self, is_connected: bool) -> Any:
        """Remember whether the log is connected; when it is back, keep up with the run again."""
        async with self:
            self.is_connected = is_connected
            run_id = self.current_run_id if is_connected and self.is_active else ""
        return RunFeedState.follow(run_id) if run_id else None

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def disconnect(self) -> None:
        """Show no run any more."""
        self._generation += 1
        self._clear()

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Follow no longer; the run stays, since the next page may show the same one."""
        self._generation += 1
        self._is_left = True

    @rx.event
    @edge.requires(Permission.CHANGE_RUN)
    async def stop(self) -> None:
        """Stop the run; doing so twice does no harm."""
        wanted = edge.parse_id(self.current_run_id, "run")
        async with edge.work(self) as (session, actor):
            view = await runs.stop_run(
                session, actor, run_id=wanted, parts=edge.services()
            )
        self._show(view, ())
        self.is_stopping = not view.status.is_terminal

    @rx.event
    @edge.requires(Permission.ADD_RUN)
    async def retry(self) -> Any:
        """Ask the same again, in a new run."""
        return await self._repeat(
            runs.retry_run, "The question is asked again, in a new run."
        )

    @rx.event
    @edge.requires(Permission.ADD_RUN)
    async def resume(self) -> Any:
        """Go on after the last step, in a new run."""
        return await self._repeat(
            runs.resume_run, "It goes on after its last step, in a new run."
        )

    async def _repeat(self, start: Callable[..., Awaitable[RunView]], done: str) -> Any:
        wanted = edge.parse_id(self.current_run_id, "run")
        async with edge.work(self) as (session, actor):
            view = await start(
                session,
                actor,
                run_id=wanted,
                parts=edge.services(),
            )
        return [notices.done(done), rx.redirect(routes.run_path(view.id))]

    async def _follow(self, run_id: str, *, is_shown: bool = False) -> None:
        wanted = edge.parse_id(run_id, "run")
        view = await read_run(self, wanted)
        async with self:
            if is_shown and (self.current_run_id != run_id or self._is_left):
                return  # somebody has gone on
            show_run(self, view)
            generation = self._generation
            after = self._seq = max(self._seq, view.last_seq - EVENTS_SHOWN)
        if not view.status.is_terminal or after < view.last_seq:
            await self._keep_up(wanted, after, generation)

    async def _keep_up(self, run_id: UUID, after: int, generation: int) -> None:
        pending: list[Batch] = []
        reader = asyncio.create_task(_collect(run_id, after, pending))
        ends_at = clock.monotonic() + FOLLOW_SECONDS_MAX
        is_over = False
        try:
            while not is_over and tabs.is_open(self) and clock.monotonic() < ends_at:
                await asyncio.wait({reader}, timeout=PUSH_SECONDS)
                is_over = reader.done()
                news, pending[:] = _worth_a_line(pending), []
                view = await read_run(self, run_id) if news or is_over else None
                async with self:
                    if self._generation != generation:
                        return
                    if view is not None:
                        self._show(view, news)
        finally:
            reader.cancel()

    def _clear(self) -> None:
        self.current_run_id, self.agent_id, self.execution_status = "", "", IDLE
        self.events, self.run, self.output = [], RunDetail(), None
        self.doing, self.is_stopping = "", False
        self._seq = 0

    def _show(self, view: RunView, news: Sequence[RunEvent]) -> None:
        self.current_run_id = str(view.id)
        self.agent_id = str(view.agent_id or "")
        detail = run_detail(view)
        self.execution_status = detail.status
        self.is_stopping = self.is_stopping and not view.status.is_terminal
        if detail != self.run:
            self.run = detail
        if view.output != self.output:
            self.output = view.output
        if news:
            self._seq = news[-1].seq
            lines = [event_line(event) for event in news[-EVENTS_SHOWN:]]
            self.events = [*self.events, *lines][-EVENTS_SHOWN:]
            stages = [event for event in news if event.type == "stage_changed"]
            self.doing = event_line(stages[-1]).text if stages else self.doing


async def read_run(state: rx.State, run_id: UUID) -> RunView:
    """Return a run as this store shows it.

    Raises:
        NotFound: it is not there, or not of whoever is signed in.
    """
    async with edge.read(state) as (session, actor):
        view = await runs.get_run(session, actor, run_id=run_id)
        (view,) = await runs.with_costs(session, [view])
    return view


def show_run(feed: RunFeedState, view: RunView, news: Sequence[RunEvent] = ()) -> None:
    """Make `view` the run of the store; whoever followed another one ends."""
    feed._generation += 1  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    feed._is_left = False  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    if feed.current_run_id != str(view.id):
        feed._clear()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    feed._show(view, news)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def note_answer(feed: RunFeedState, view: RunView) -> None:
    """Show what an answer made of the store's run, if it still shows that one."""
    if feed.current_run_id == str(view.id):
        feed._show(view, ())  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


async def _collect(run_id: UUID, after: int, pending: list[Batch]) -> None:
    async for batches in edge.services().feed.follow_batches(run_id, after):
        pending.extend(batches)


def _worth_a_line(batches: Sequence[Batch]) -> list[RunEvent]:
    """Return the last events that this store shows, and all stages; most of a long log need not be unfolded for that."""
    found: list[RunEvent] = []
    for batch in reversed(batches):
        if len(found) < EVENTS_SHOWN or "stage_changed" in batch.types:
            # The log widget shows text as it grows; here it would only push out what is worth a line.
            found[:0] = [event for event in batch.events if event.type not in GROWING]
    return found
