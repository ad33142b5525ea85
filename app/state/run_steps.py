"""The tab State of a run: its steps, what its graph held after one of them, and a fork from there."""

from typing import Any, cast
from uuid import UUID

import reflex as rx

from app import routes
from app.backend.agents.access import may_change_agent
from app.backend.core import ids
from app.backend.core.actor import Permission
from app.backend.core.errors import AppError, NotFound
from app.backend.core.texts import Text
from app.backend.runs import service as runs
from app.backend.runs import steps
from app.backend.runs.errors import StepNotKept, StoreAway
from app.backend.runs.steps import RunFork
from app.state import edge, notices
from app.state.forms import FormMixin
from app.state.step_lines import StepLine, ValueLine, step_line, value_lines

NO_STEP = -1
FORKED = "It goes on after the step, in a new run."


class RunStepsState(FormMixin, rx.State):
    """The steps of the run in the address; one of them is open."""

    steps: rx.Field[list[StepLine]] = rx.field(default_factory=list)
    is_loaded: rx.Field[bool] = rx.field(False)
    open_step: rx.Field[int] = rx.field(NO_STEP)
    values: rx.Field[list[ValueLine]] = rx.field(default_factory=list)
    removed: rx.Field[list[str]] = rx.field(default_factory=list)
    problem: rx.Field[str] = rx.field("")
    forked: rx.Field[StepLine | None] = rx.field(None)
    query: rx.Field[str] = rx.field("")
    may_instruct: rx.Field[bool] = rx.field(False)
    _run_id: str = ""
    _request_id: str = ""

    @rx.var
    def place(self) -> dict[str, str]:
        """What the address says of the open step; the newest one is open without a word."""
        is_newest = not self.steps or self.open_step == self.steps[-1].step
        is_named = self.open_step != NO_STEP and not is_newest
        return {"step": str(self.open_step) if is_named else ""}

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def load(self) -> None:
        """Show the steps that are there by now, and of a run that was not shown before the last one."""
        wanted = edge.id_in_path(self, "run")
        if self._run_id != str(wanted):
            self.reset()
            self._run_id = str(wanted)
        async with edge.read(self) as (session, actor):
            found = await steps.list_steps(session, actor, run_id=wanted)
        self.steps = [step_line(item) for item in found.items]
        self.is_loaded = True
        if self.steps and self.open_step == NO_STEP:
            named = edge.query_value(self, "step")
            known = {str(line.step): line.step for line in self.steps}
            await self._open(known.get(named, self.steps[-1].step))

    @rx.event
    @edge.requires(Permission.VIEW_RUN)
    async def open(self, step: int) -> None:
        """Show what the graph held after a step."""
        await self._open(step)

    @rx.event
    @edge.requires(Permission.ADD_RUN)
    async def ask_fork(self, step: int) -> None:
        """Ask what should be different after a step."""
        self._clear_errors()
        self.forked = next((line for line in self.steps if line.step == step), None)
        self._request_id = str(ids.new_id())
        async with edge.read(self) as (session, actor):
            run = await runs.get_run(session, actor, run_id=self._wanted())
            self.may_instruct = run.agent_id is not None and await may_change_agent(
                session, actor, agent_id=run.agent_id
            )
        self.query = str(run.input.get("query", ""))

    @rx.event
    @edge.public
    async def keep(self) -> None:
        """Fork nothing."""
        self.forked = None

    @rx.event
    @edge.requires(Permission.ADD_RUN)
    async def fork(self, form: dict[str, Any]) -> Any:
        """Start the fork and go there."""
        if self.forked is None:
            return None
        self._clear_errors()
        wanted = self._wanted()
        async with edge.work(self) as (session, actor):
            run = await runs.get_run(session, actor, run_id=wanted)
            view = await steps.fork_run(
                session,
                actor,
                run_id=wanted,
                fork=RunFork(
                    step=self.forked.step,
                    input={**run.input, "query": form.get("query", "")},
                    instructions=cast("Text", form.get("instructions")) or None,
                ),
                parts=edge.services(),
                request_id=UUID(self._request_id),
            )
        self.forked = None
        return [notices.done(FORKED), rx.redirect(routes.run_path(view.id))]

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Close the question."""
        self.forked = None

    async def _open(self, step: int) -> None:
        self.open_step, self.values, self.removed, self.problem = step, [], [], ""
        try:
            async with edge.read(self) as (session, actor):
                found = await steps.find_step(
                    session, actor, run_id=self._wanted(), step=step
                )
            detail = await steps.read_step(edge.services().checkpoints, found)
        except (StepNotKept, StoreAway, NotFound) as error:
            self.problem = cast("AppError", error).message
            return
        self.values, self.removed = value_lines(detail), detail.removed

    def _wanted(self) -> UUID:
        return edge.parse_id(self._run_id, "run")
