"""The installation as an administrator sees it, and what they do about it after a question."""

from typing import Any

import reflex as rx

from app.backend.core.actor import Permission
from app.backend.core.errors import NotFound
from app.backend.core.jobs import QueueName
from app.backend.runs.retention import Retention
from app.backend.system import service as system
from app.state import edge, notices, system_lines
from app.state.system_lines import (
    DeadLine,
    Fact,
    JobLine,
    QueueLine,
    TableLine,
    WorkerLine,
)

_QUESTIONS = {
    "stop": (
        "Stop this run?",
        "It ends as stopped, for its owner too; what it wrote so far is kept.",
        "Stop the run",
    ),
    "requeue": (
        "Let this run go on?",
        "A new run of the same owner goes on after its last step, or begins anew when none is kept.",
        "Requeue",
    ),
    "requeue_all": (
        "Let all of them go on?",
        "Each goes on in a new run of its owner. If they cost their workers the same way again, they come back here.",
        "Requeue all",
    ),
    "empty": (
        "Forget the failed jobs of this queue?",
        "The runs and documents that they were for stay as they are.",
        "Forget them",
    ),
    "prune": ("Delete steps that nobody needs?", "", "Delete them"),
}
_NOTHING_TO_PRUNE = "Every step that is stored may still be needed; none is deleted."


def _retention() -> Retention:
    parts = edge.services()
    return Retention(parts.db, parts.checkpoints, parts.settings)


class SystemState(rx.State):
    """Workers, queues, dead letters and storage, as of the last look."""

    is_loading: rx.Field[bool] = rx.field(True)
    away: rx.Field[list[str]] = rx.field(default_factory=list)
    facts: rx.Field[list[Fact]] = rx.field(default_factory=list)
    workers: rx.Field[list[WorkerLine]] = rx.field(default_factory=list)
    jobs: rx.Field[list[JobLine]] = rx.field(default_factory=list)
    queues: rx.Field[list[QueueLine]] = rx.field(default_factory=list)
    dead: rx.Field[list[DeadLine]] = rx.field(default_factory=list)
    dead_total: rx.Field[int] = rx.field(0)
    tables: rx.Field[list[TableLine]] = rx.field(default_factory=list)
    asked: rx.Field[str] = rx.field("")
    target: rx.Field[str] = rx.field("")
    told: rx.Field[str] = rx.field("")

    @rx.var
    def question(self) -> list[str]:
        """Title, text and verb of what is asked."""
        title, text, verb = _QUESTIONS.get(self.asked, ("", "", ""))
        return [title, self.told or text, verb]

    @rx.event
    @edge.requires()
    async def load(self) -> None:
        """Show everything to an administrator; others are told by the page that it is not for them."""
        actor = await edge.require_actor(self)
        if actor.may(Permission.VIEW_INSTALLATION):
            await self._show()

    @rx.event
    @edge.requires(Permission.VIEW_INSTALLATION)
    async def refresh(self) -> None:
        """Show what has changed; the browser asks while the page is visible."""
        await self._show()

    @rx.event
    @edge.requires(Permission.CHANGE_SYSTEM)
    async def ask(self, action: str, target: str) -> None:
        """Ask before anything is done."""
        self.asked, self.target, self.told = action, target, ""

    @rx.event(background=True)
    @edge.requires(Permission.CHANGE_SYSTEM)
    async def ask_to_prune(self) -> Any:
        """Tell which steps would be deleted, before any is; in the background, because all steps are looked through."""
        found = await _retention().prune(is_dry_run=True)
        if not found.runs:
            return notices.done(_NOTHING_TO_PRUNE)
        async with self:
            self.asked, self.target = "prune", ""
            self.told = system_lines.prune_words(found)
        return None

    @rx.event(background=True)
    @edge.requires(Permission.CHANGE_SYSTEM)
    async def prune(self) -> Any:
        """Delete the steps that nobody needs; in the background, because there may be many."""
        actor = await edge.require_actor(self)
        found = await system.prune_checkpoints(actor, retention=_retention())
        return [notices.done(f"{found.words} deleted."), SystemState.refresh]

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Ask nothing any more."""
        self.asked, self.target, self.told = "", "", ""

    @rx.event
    @edge.requires(Permission.CHANGE_SYSTEM)
    async def confirm(self) -> Any:
        """Do what was asked about."""
        action, target = self.asked, self.target
        self.asked, self.target, self.told = "", "", ""
        match action:
            case "stop":
                said = await self._stop(target)
            case "requeue":
                said = await self._requeue(target)
            case "requeue_all":
                said = await self._requeue_all()
            case "empty":
                said = await self._empty(target)
            case "prune":
                return SystemState.prune
            case _:
                return None
        await self._show()
        return notices.done(said)

    async def _stop(self, target: str) -> str:
        wanted = edge.parse_id(target, "run")
        async with edge.work(self) as (session, actor):
            await system.stop_any_run(
                session, actor, run_id=wanted, parts=edge.services()
            )
        return "The run is asked to stop."

    async def _requeue(self, target: str) -> str:
        wanted = edge.parse_id(target, "dead letter")
        parts = edge.services()
        async with edge.work(self) as (session, actor):
            await system.requeue_dead(
                session,
                actor,
                run_id=wanted,
                parts=parts,
            )
        return "The run goes on."

    async def _requeue_all(self) -> str:
        parts = edge.services()
        async with edge.work(self) as (session, actor):
            done, refused = await system.requeue_all_dead(
                session,
                actor,
                parts=parts,
            )
        rest = f", {len(refused)} cannot: {refused[0]}" if refused else "."
        return f"{done} {'run goes' if done == 1 else 'runs go'} on{rest}"

    async def _empty(self, target: str) -> str:
        if target not in set(QueueName):
            raise NotFound("queue", target)
        redis, name = edge.services().redis, QueueName(target)
        async with edge.work(self) as (session, actor):
            count = await system.empty_failed(session, actor, name=name, redis=redis)
        return f"{count} failed {'job is' if count == 1 else 'jobs are'} forgotten."

    async def _show(self) -> None:
        actor = await edge.require_actor(self)
        parts = edge.services()
        view = await parts.watch.look(parts, actor)
        shown = {
            "away": view.away,
            "facts": system_lines.facts(view),
            "workers": [system_lines.worker_line(one) for one in view.workers],
            "jobs": system_lines.job_lines(view),
            "queues": [system_lines.queue_line(one) for one in view.queues],
            "dead": [system_lines.dead_line(one) for one in view.dead_letters.newest],
            "dead_total": view.dead_letters.total,
            "tables": system_lines.table_lines(
                view.storage.tables if view.storage else []
            ),
        }
        # An unchanged var is not sent again.
        for name, value in shown.items():
            if getattr(self, name) != value:
                setattr(self, name, value)
        self.is_loading = False
