"""What is done to picked runs of the list, and the tags of one."""

from collections import Counter
from typing import Any

import reflex as rx

from app.backend.core.actor import Permission
from app.backend.core.paging import PAGE_SIZE_MAX
from app.backend.runs import bulk, tags
from app.backend.runs import service as runs
from app.backend.runs.schemas import BulkAction, RunOutcome, RunTags
from app.state import edge, notices
from app.state.forms import FormMixin
from app.state.run_list import RunListState
from app.state.run_tags import split_tags

_DONE = {
    BulkAction.STOP: "stopped",
    BulkAction.RETRY: "started again",
    BulkAction.REQUEUE: "queued again",
    BulkAction.DELETE: "deleted",
}


class RunBulkState(FormMixin, rx.State):
    """The question before many runs are changed, and the form of a run's tags."""

    action: rx.Field[str] = rx.field("")
    run_ids: rx.Field[list[str]] = rx.field(default_factory=list)
    tagged_id: rx.Field[str] = rx.field("")
    tags: rx.Field[str] = rx.field("")

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Ask nothing any more."""
        self.action = self.tagged_id = ""

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def ask(self, action: str, run_ids: list[str]) -> None:
        """Ask before something is done to runs."""
        if action in set(BulkAction) and run_ids:
            self.action, self.run_ids = action, run_ids[:PAGE_SIZE_MAX]

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def keep(self) -> None:
        """Close the question; nothing is done."""
        self.action = ""

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def act(self) -> Any:
        """Do what was asked about; what each action needs is checked with it."""
        if not self.action:
            # The second click of two.
            return None
        action, self.action = BulkAction(self.action), ""
        run_ids = [edge.parse_id(run_id, "run") for run_id in self.run_ids]
        async with edge.work(self) as (session, actor):
            found = await bulk.change_runs(
                session, actor, action=action, run_ids=run_ids, parts=edge.services()
            )
        return [_report(action, found), RunListState.refresh]

    @rx.event
    @edge.requires(Permission.CHANGE_RUN)
    async def open_tags(self, run_id: str) -> None:
        """Show the form of a run's tags."""
        wanted = edge.parse_id(run_id, "run")
        async with edge.read(self) as (session, actor):
            run = await runs.get_run(session, actor, run_id=wanted)
        self._clear_errors()
        self.tagged_id, self.tags = run_id, ", ".join(run.tags)

    @rx.event
    @edge.requires(Permission.CHANGE_RUN)
    async def close_tags(self) -> None:
        """Close the form; the tags stay as they are."""
        self.tagged_id = ""

    @rx.event
    @edge.requires(Permission.CHANGE_RUN)
    async def save_tags(self, form: dict[str, Any]) -> Any:
        """Give the run the tags of the form."""
        wanted = edge.parse_id(self.tagged_id, "run")
        checked = RunTags(tags=split_tags(str(form.get("tags", "")))).tags
        async with edge.work(self) as (session, actor):
            await tags.set_tags(session, actor, run_id=wanted, tags=checked)
        self.tagged_id = ""
        return RunListState.refresh


def _report(action: BulkAction, outcomes: list[RunOutcome]) -> Any:
    done = sum(outcome.is_done for outcome in outcomes)
    said = [f"{_counted(done)} {_DONE[action]}."] if done else []
    missed = Counter(outcome.message for outcome in outcomes if not outcome.is_done)
    said += [
        f"{_counted(count)} left as {'it was' if count == 1 else 'they were'}: {message}"
        for message, count in missed.items()
    ]
    text = " ".join(said)
    return notices.failed(text) if missed else notices.done(text)


def _counted(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
