"""A run works without its store of checkpoints, also when the store goes away in the middle, and says so."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import (  # pyright: ignore[reportMissingTypeStubs]
    END,
    START,
    StateGraph,
)

from app.backend.agents import saved_steps
from app.backend.agents.checkpoints import Checkpoints
from app.backend.agents.context import Task
from app.backend.agents.saved_steps import LinkedSaver
from app.backend.agents.schemas import AgentKind
from app.backend.agents.spec import AgentSpec
from app.backend.bootstrap import Services
from app.backend.core import ids
from app.backend.core.actor import Actor
from app.backend.core.run_context import RunContext, SavedStep
from app.backend.core.run_events import Event, MessageDelta
from app.backend.runs import beginning
from app.backend.runs.errors import StoreAway
from app.backend.runs.runner import run_agent
from tests.parts import free_port
from tests.stack import Stack, redis_binary, start_redis


class Played:
    """A run outside of a worker: its events, its steps, and how it is run."""

    def __init__(self, services: Services, actor: Actor) -> None:
        self.services = services
        self.events: list[Event] = []
        self.steps: list[SavedStep] = []
        self.has_spoken = asyncio.Event()
        self.context = RunContext(
            actor=actor,
            run_id=ids.new_id(),
            agent_id=ids.new_id(),
            thread_id=None,
            emit=self._emit,
            is_cancelled=lambda: False,
            saver_thread=str(ids.new_id()),
            note_step=self.steps.append,
        )

    async def run(self, model: str = "scripted/hello", **context: Any) -> str:
        """Play the run and return its answer."""
        spec = AgentSpec(
            id=self.context.agent_id,
            name="Librarian",
            kind=AgentKind.ANSWER,
            instructions="",
            model=model,
            temperature=0,
            max_tokens=50,
            passages=1,
        )
        task = Task(spec=spec, query="What is this?")
        playing = replace(self.context, **context)
        return (await run_agent(self.services, task, playing)).answer

    def logged(self) -> list[tuple[str, str]]:
        """Return the lines of the log, with their levels."""
        return [
            (event.level.value, event.message)
            for event in self.events
            if event.type == "log"
        ]

    def _emit(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, MessageDelta):
            self.has_spoken.set()


@pytest.fixture
def played(services: Services, actor: Actor) -> Callable[[Checkpoints], Played]:
    """`played(checkpoints)` is a run with this store."""

    def make(checkpoints: Checkpoints) -> Played:
        return Played(replace(services, checkpoints=checkpoints), actor)

    return make


def _redis(services: Services, port: int) -> Checkpoints:
    values: dict[str, Any] = {
        "checkpointer": "redis",
        "redis_url": f"redis://127.0.0.1:{port}",
        "checkpoint_redis_database": 2,
    }
    return Checkpoints(services.settings.model_copy(update=values))


def _postgres(services: Services, port: int) -> Checkpoints:
    url = f"postgresql://nobody@127.0.0.1:{port}/nothing"
    return Checkpoints(services.settings.model_copy(update={"database_url": url}))


@pytest.mark.parametrize("make", [_redis, _postgres])
async def test_run_without_its_store_answers_and_warns(
    make: Callable[[Services, int], Checkpoints],
    services: Services,
    played: Callable[[Checkpoints], Played],
) -> None:
    checkpoints = make(services, free_port())
    run = played(checkpoints)

    assert await run.run() == "Hello! I am a script, not a language model."

    assert run.logged() == [("warning", beginning.WITHOUT_STORE)]
    assert run.steps == []
    # What has nothing to begin with is told so.
    step = SavedStep("x:1", "x", 1)
    with pytest.raises(StoreAway):
        await run.run(resume_from=step, changes={})
    await checkpoints.close()


async def test_store_that_is_killed_in_the_middle_stops_nothing(
    stack: Stack,
    tmp_path: Path,
    services: Services,
    played: Callable[[Checkpoints], Played],
) -> None:
    port = free_port()
    server = start_redis(redis_binary(stack.kind), tmp_path, port)
    checkpoints = _redis(services, port)
    run = played(checkpoints)
    playing = asyncio.create_task(run.run("scripted/rate-400"))
    await run.has_spoken.wait()
    before = list(run.steps)

    server.kill()
    await playing

    assert run.logged() == [
        ("warning", beginning.STORE_LOST),
        ("warning", beginning.STEPS_LOST),
    ]
    assert run.steps == before
    await checkpoints.close()
    server.stop()


class _State(TypedDict, total=False):
    rounds: int


def _after_work(state: _State) -> str:
    return END if state.get("rounds") == 5 else "work"


async def test_store_that_comes_back_has_all_steps_in_their_order(
    stack: Stack,
    tmp_path: Path,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(saved_steps, "RETRY_SECONDS", 0)
    port = free_port()
    server = start_redis(redis_binary(stack.kind), tmp_path, port)
    checkpoints = _redis(services, port)
    told: list[bool] = []
    steps: list[SavedStep] = []

    def note_store(*, is_away: bool) -> None:
        told.append(is_away)

    async def work(state: _State) -> _State:
        number = state.get("rounds", 0) + 1
        if number == 2:
            server.kill()
        if number == 4:
            assert [step.step for step in steps] == [-1, 0, 1]
            await asyncio.to_thread(server.start)
        return {"rounds": number}

    graph = StateGraph(_State)
    graph.add_node("work", work)
    graph.add_edge(START, "work")
    graph.add_conditional_edges("work", _after_work)
    saver = LinkedSaver(await checkpoints.open(), steps.append, note_store)
    place: RunnableConfig = {"configurable": {"thread_id": "one"}}

    state = await graph.compile(checkpointer=saver).ainvoke(
        {}, place, durability="sync"
    )

    assert await saver.settle()
    assert state == {"rounds": 5}
    assert told == [True, False]
    assert [step.step for step in steps] == [-1, 0, 1, 2, 3, 4, 5]
    last = await saver.aget_tuple(place)
    assert last is not None
    assert last.checkpoint["id"] == steps[-1].checkpoint_id
    await checkpoints.close()
    server.stop()
