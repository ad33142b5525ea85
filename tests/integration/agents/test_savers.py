"""Every saver that the settings offer keeps one contract: LangGraph's own, and what a run asks of it."""

import importlib
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import (  # pyright: ignore[reportMissingTypeStubs]
    END,
    START,
    StateGraph,
)
from redis.asyncio import Redis

from app.backend.agents.checkpoints import Checkpoints, Saver
from app.backend.agents.growing import growing
from app.backend.agents.memory_saver import MemorySaver
from app.backend.agents.saved_steps import LinkedSaver, copy_step
from app.backend.agents.serializer import PlainSerializer
from app.backend.agents.step_values import read_values
from app.backend.core import clock
from app.backend.core.run_context import SavedStep
from app.backend.core.run_events import Sentence, Stage
from app.backend.core.settings import Settings

KINDS = ("memory", "sqlite", "database", "redis")
ROUNDS = 4


@pytest.fixture(params=KINDS)
async def saver(
    request: pytest.FixtureRequest, settings: Settings
) -> AsyncGenerator[Saver, None]:
    """Each saver; `database` is that of the stack."""
    kind = "database" if request.param == "sqlite" else request.param
    values: dict[str, Any] = {"checkpointer": kind}
    if request.param == "sqlite":
        values["database_url"] = ""
    checkpoints = Checkpoints(settings.model_copy(update=values))
    yield await checkpoints.open()
    await checkpoints.close()


class _State(TypedDict, total=False):
    query: str
    rounds: int
    said: Annotated[list[dict[str, Any]], growing()]


async def _work(state: _State) -> _State:
    number = state.get("rounds", 0) + 1
    text = f"{state.get('query', '')} {number}"
    return {"rounds": number, "said": [{"by": "model", "text": text}]}


def _again(state: _State) -> str:
    return "work" if state.get("rounds", 0) < ROUNDS else END


async def _play(
    saver: Saver, thread: str, begin: _State | None
) -> tuple[dict[str, Any], list[SavedStep]]:
    """Run a graph of four rounds; returns its state and its steps."""
    graph = StateGraph(_State)
    graph.add_node("work", _work)
    graph.add_edge(START, "work")
    graph.add_conditional_edges("work", _again)
    steps: list[SavedStep] = []
    compiled = graph.compile(checkpointer=LinkedSaver(saver, steps.append))
    state = await compiled.ainvoke(begin, _place(thread), durability="sync")
    return state, steps


def _place(thread: str, **more: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", **more}}


def _begin() -> _State:
    return {"query": "Why?", "said": [{"by": "person", "text": "Why?"}]}


async def test_saver_passes_the_published_conformance_suite(saver: Saver) -> None:
    suite = importlib.import_module("langgraph.checkpoint.conformance")

    @suite.checkpointer_test(name=type(saver).__name__)
    async def same() -> AsyncGenerator[Saver, None]:
        yield saver

    required = {"put", "put_writes", "get_tuple", "list", "delete_thread"}
    report = await suite.validate(same, capabilities=required)

    failures = [
        failure for result in report.results.values() for failure in result.failures
    ]
    assert failures == []
    assert report.passed_all_base()


async def test_list_without_a_thread_finds_all_namespaces_and_threads(
    saver: Saver,
) -> None:
    await _play(saver, "one", _begin())
    (stored,) = [item async for item in saver.alist(_place("one"), limit=1)]
    child: RunnableConfig = {
        "configurable": {"thread_id": "two:1", "checkpoint_ns": "tools:a|b:c"}
    }
    await saver.aput(
        child, stored.checkpoint, stored.metadata, stored.checkpoint["channel_versions"]
    )

    found = [item async for item in saver.alist(None)]

    places = {
        (
            item.config["configurable"]["thread_id"],
            item.config["configurable"]["checkpoint_ns"],
        )
        for item in found
        if "configurable" in item.config
    }
    assert places == {("one", ""), ("two:1", "tools:a|b:c")}
    assert len(found) == ROUNDS + 3
    await saver.adelete_thread("two:1")
    assert await saver.aget_tuple(child) is None
    assert await saver.aget_tuple(_place("one")) is not None


async def test_steps_tell_what_worked_and_what_comes_next(saver: Saver) -> None:
    _, steps = await _play(saver, "one", _begin())

    told = [(step.step, step.node, step.next_node) for step in steps]
    assert told == [
        (-1, "", ""),
        (0, "", "work"),
        *[(number, "work", "work") for number in range(1, ROUNDS)],
        (ROUNDS, "work", ""),
    ]


async def test_list_that_grows_is_read_back_whole_after_each_step(
    saver: Saver,
) -> None:
    state, steps = await _play(saver, "one", _begin())

    last = await read_values(saver, steps[-1])
    second = await read_values(saver, steps[3])
    assert last == state
    assert second is not None
    assert [item["text"] for item in second["said"]] == ["Why?", "Why? 1", "Why? 2"]
    stored = await saver.aget_tuple(_place("one"))
    assert stored is not None
    assert "said" not in stored.checkpoint["channel_values"]


async def test_copy_goes_on_with_the_whole_list_and_with_another_question(
    saver: Saver,
) -> None:
    _, steps = await _play(saver, "one", _begin())

    assert await copy_step(saver, steps[3], "two", {"query": "Who?", "absent": 1})
    await saver.adelete_thread("one")
    state, later = await _play(saver, "two", None)

    assert [item["text"] for item in state["said"]] == [
        *("Why?", "Why? 1", "Why? 2"),
        *("Who? 3", "Who? 4"),
    ]
    assert "absent" not in state
    assert [step.step for step in later] == [3, 4]
    # A copy of a copy has it all, too.
    assert await copy_step(saver, later[0], "three")
    again, _ = await _play(saver, "three", None)
    assert again == state
    assert not await copy_step(saver, steps[0], "four")


async def test_what_is_ours_is_stored_as_plain_values(saver: Saver) -> None:
    sentence = Sentence(text="Yes.", citations=[1])
    _, steps = await _play(saver, "one", _begin())
    (stored,) = [item async for item in saver.alist(_place("one"), limit=1)]

    await saver.aput_writes(
        stored.config, [("answer", {"stage": Stage.STARTED, "all": [sentence]})], "1"
    )

    again = await saver.aget_tuple(stored.config)
    assert again is not None
    assert again.pending_writes == [
        ("1", "answer", {"stage": "started", "all": [sentence.model_dump()]})
    ]
    with pytest.raises(TypeError, match="SavedStep cannot be kept"):
        await saver.aput_writes(stored.config, [("answer", [steps[0]])], "2")


async def test_memory_forgets_threads_that_are_silent_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun = clock.now()
    monkeypatch.setattr(clock, "now", lambda: begun)
    saver = MemorySaver(serde=PlainSerializer(), kept=timedelta(hours=1))
    await _play(saver, "old", _begin())
    monkeypatch.setattr(clock, "now", lambda: begun + timedelta(minutes=30))
    await _play(saver, "young", _begin())

    monkeypatch.setattr(clock, "now", lambda: begun + timedelta(minutes=80))
    await _play(saver, "new", _begin())

    found = {
        item.config["configurable"]["thread_id"]
        async for item in saver.alist(None)
        if "configurable" in item.config
    }
    assert found == {"young", "new"}


async def test_redis_keys_have_their_pattern_and_a_deleted_thread_leaves_none(
    settings: Settings,
) -> None:
    redis = settings.model_copy(update={"checkpointer": "redis"})
    checkpoints = Checkpoints(redis)
    saver = await checkpoints.open()
    _, steps = await _play(saver, "one:1", _begin())

    client = Redis.from_url(
        f"{settings.redis_url.rpartition('/')[0]}/{settings.checkpoint_redis_database}",
        decode_responses=True,
    )
    keys = {key async for key in client.scan_iter(match="*")}
    assert {f"checkpoint:one:1:{step.checkpoint_id}" for step in steps} <= keys
    await saver.adelete_thread("one:1")
    assert [key async for key in client.scan_iter(match="*")] == []
    await client.aclose()
    await checkpoints.close()
