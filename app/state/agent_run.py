"""The agent page: what to ask, the conversation so far, and the agent's runs."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import reflex as rx

from app import routes
from app.backend.agents import service as agents
from app.backend.core import ids
from app.backend.core.actor import Permission
from app.backend.core.errors import Invalid, NotFound
from app.backend.runs import service as runs
from app.backend.runs.inputs import check_input
from app.backend.runs.schemas import RunDraft, RunFilter
from app.state import edge
from app.state.agent_detail import AgentDetail, agent_detail, read_places
from app.state.budgets import BudgetsState
from app.state.forms import FormMixin
from app.state.lines import RunLine, run_line
from app.state.run_detail import TurnLine, run_detail, turn_line
from app.state.run_feed import RunFeedState, read_run, show_run
from app.state.run_tags import FIELD as TAGS
from app.state.run_tags import split_tags

HISTORY_SHOWN = 12
TURNS_SHOWN = 20
NEW = "new"  # what the address says instead of a run in a new conversation
FIELD = "query"  # the id of the text field, which keeps what is typed by itself


class AgentRunState(FormMixin, rx.State):
    """An agent, the question to it, and what was asked before."""

    agent: rx.Field[AgentDetail] = rx.field(default_factory=AgentDetail)
    is_missing: rx.Field[bool] = rx.field(False)
    is_withdrawn: rx.Field[bool] = rx.field(False)
    question: rx.Field[str] = rx.field("")
    is_json: rx.Field[bool] = rx.field(False)
    request_id: rx.Field[str] = rx.field("")
    thread_id: rx.Field[str] = rx.field("")
    shown: rx.Field[str] = rx.field("")
    turns: rx.Field[list[TurnLine]] = rx.field(default_factory=list)
    history: rx.Field[list[RunLine]] = rx.field(default_factory=list)
    _asked: str = ""
    _started: str = ""

    @rx.var
    def has_active(self) -> bool:
        """Whether a run of the agent goes on."""
        return any(line.completed_at == "" for line in self.history)

    @rx.event
    @edge.requires(Permission.VIEW_AGENT)
    async def load(self) -> Any:
        """Show the agent of the address, and the run that the address names; without one, that which goes on."""
        try:
            agent_id = edge.id_in_path(self, "agent")
            async with edge.read(self) as (session, actor):
                agent = await agents.get_agent(session, actor, agent_id=agent_id)
                places = await read_places(session, actor, agent)
        except NotFound:
            self.is_missing = True
            return RunFeedState.disconnect
        # Somebody quicker than this load may have started a run that the address does not name yet.
        named = edge.query_value(self, "run") or self._started
        if self.agent.id != str(agent.id):
            self.reset()
        self._started = ""
        self.is_missing = self.is_withdrawn = False
        self.agent = agent_detail(agent, places)
        self.request_id = self.request_id or str(ids.new_id())
        await self._show_history()
        return await self._find_run(named)

    @rx.event
    @edge.requires(Permission.VIEW_AGENT)
    async def refresh(self) -> Any:
        """Show the newest runs, and what may be done with the agent; the browser asks while the page is visible."""
        before = self.history
        await self._show_history()
        await self._look_again()
        return BudgetsState.load_of_agent if self.history != before else None

    @rx.event
    @edge.requires(Permission.ADD_RUN)
    async def write(self, text: str) -> None:
        """Keep what is typed, and say in place when it is no usable JSON."""
        if text and text == self._asked:
            return  # the last key was pressed just before Run
        self.question = text
        self._clear_errors()
        if self.is_json and text.strip():
            self.errors = _problem(text)

    @rx.event
    @edge.requires(Permission.ADD_RUN)
    async def switch(self) -> Any:
        """Ask as JSON instead of in words, or the other way round; what is typed is kept."""
        self.is_json = not self.is_json
        self._clear_errors()
        if self.is_json:
            self.question = json.dumps({"query": self.question}, ensure_ascii=False)
        elif not _problem(self.question):
            self.question = json.loads(self.question)["query"]
        return [rx.set_value(FIELD, self.question), rx.set_focus(FIELD)]

    @rx.event
    @edge.requires(Permission.ADD_RUN)
    async def submit(self, form: dict[str, Any]) -> Any:
        """Start a run; the same form twice is one run."""
        text = str(form.get("query", ""))
        given = _parse(text) if self.is_json else _check({"query": text})
        self._asked = text
        tags = split_tags(str(form.get(TAGS, "")))
        return await self._start(given, str(form.get("request_id", "")), tags)

    @rx.event
    @edge.requires(Permission.ADD_RUN)
    async def ask(self, prompt: str, request_id: str) -> Any:
        """Ask one of the suggested questions."""
        return await self._start({"query": prompt}, request_id)

    @rx.event
    @edge.requires(Permission.ADD_RUN)
    async def begin_again(self) -> Any:
        """Leave the conversation and begin a new one."""
        self.thread_id, self.turns, self.shown = "", [], NEW
        self.request_id = str(ids.new_id())
        return [RunFeedState.disconnect, rx.set_focus(FIELD)]

    async def _start(
        self, given: dict[str, Any], request_id: str, tags: Sequence[str] = ()
    ) -> Any:
        # Of the address, since somebody may be quicker than the page's first load.
        agent_id = edge.id_in_path(self, "agent")
        draft = RunDraft(
            input=given,
            thread_id=UUID(self.thread_id) if self.thread_id else None,
            request_id=edge.parse_id(
                request_id or self.request_id or str(ids.new_id()), "request"
            ),
            tags=list(tags),
        )
        try:
            async with edge.work(self) as (session, actor):
                run = await runs.start_run(
                    session,
                    actor,
                    agent_id=agent_id,
                    draft=draft,
                    parts=edge.services(),
                )
        except NotFound as error:
            if error.resource != "agent":
                raise
            # What was typed stays; the page says what happened.
            self.is_withdrawn = True
            return None
        self._clear_errors()
        self.question, self.request_id = "", str(ids.new_id())
        self.thread_id, self.shown = str(run.thread_id or ""), str(run.id)
        if not self.is_hydrated:
            self._started = self.shown
        feed = await self.get_state(RunFeedState)
        if feed.current_run_id == self.shown:
            return None  # the second click of a double click
        self.history = [run_line(run), *self.history][:HISTORY_SHOWN]
        if draft.thread_id is not None and feed.run.thread_id == self.thread_id:
            self.turns = [*self.turns, turn_line(feed.run, feed.output)][-TURNS_SHOWN:]
        # Shown in this very answer, so that the log connects at once.
        show_run(feed, run)
        emptied = [rx.set_value(name, "") for name in (FIELD, TAGS)]
        return [*emptied, RunFeedState.keep_up(self.shown)]

    async def _find_run(self, named: str) -> Any:
        self.shown = named
        newest = self.history[0] if self.history else None
        if not named and newest is not None and newest.completed_at == "":
            # Named by the address, it stays in sight when it has ended and the page loads again.
            path = routes.agent_path(self.agent.id, newest.id)
            return rx.redirect(path, replace=True)
        feed = await self.get_state(RunFeedState)
        if not named or named == NEW:
            self.thread_id, self.turns = "", []
            return RunFeedState.disconnect if feed.current_run_id else None
        run = await read_run(self, edge.parse_id(named, "run"))
        self.thread_id = str(run.thread_id or "")
        await self._show_turns(named)
        show_run(feed, run)
        return RunFeedState.keep_up(named)

    async def _show_turns(self, current: str) -> None:
        """Show the earlier turns of the conversation of the run that is shown."""
        if not self.thread_id:
            self.turns = []
            return
        async with edge.read(self) as (session, actor):
            found = await runs.list_thread_runs(
                session, actor, thread_id=UUID(self.thread_id), limit=TURNS_SHOWN
            )
        self.turns = [
            turn_line(run_detail(run), run.output)
            for run in found
            if str(run.id) < current
        ]

    async def _look_again(self) -> None:
        """Show what the agent is now, and what may be done with it: others may have changed both."""
        if not self.agent.id:
            return
        try:
            async with edge.read(self) as (session, actor):
                agent = await agents.get_agent(
                    session, actor, agent_id=UUID(self.agent.id)
                )
                places = await read_places(session, actor, agent)
        except NotFound:
            self.is_withdrawn = True
            return
        self.is_withdrawn = False
        detail = agent_detail(agent, places)
        if detail != self.agent:
            self.agent = detail

    async def _show_history(self) -> None:
        if not self.agent.id:
            return
        async with edge.read(self) as (session, actor):
            page = await runs.list_runs(
                session,
                actor,
                wanted=RunFilter(agent_id=UUID(self.agent.id)),
                limit=HISTORY_SHOWN,
            )
        lines = [run_line(run) for run in page.items]
        if lines != self.history:
            self.history = lines


def _parse(text: str) -> dict[str, Any]:
    try:
        return _check(json.loads(text))
    except ValueError as error:
        raise Invalid.field("query", _where(error)) from None
    except RecursionError:
        raise Invalid.field("query", "This is nested too deeply.") from None


def _check(given: Any) -> dict[str, Any]:
    try:
        return check_input(given)
    except Invalid as error:  # the form has one field, whatever is wrong
        raise Invalid.field("query", error.message) from None


def _problem(text: str) -> dict[str, str]:
    try:
        _parse(text)
    except Invalid as error:
        return {"query": error.message}
    return {}


def _where(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"This is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
    return "This is not JSON that can be used."
