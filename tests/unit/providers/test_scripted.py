"""The scripted model does what its script says, each time the same."""

import json
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from app.backend.core.errors import AppError, Invalid
from app.backend.providers.adapters.scripted import ScriptedProvider
from app.backend.providers.adapters.scripts import find_script
from app.backend.providers.base import ChatOptions, notice_of
from app.backend.providers.errors import ContextOverflow, ModelBusy, ModelUnavailable

ASKED: list[BaseMessage] = [HumanMessage("What is it?")]


def make(name: str, **options: Any) -> Any:
    return ScriptedProvider().make(name, ChatOptions(**options))


async def stream(
    name: str, messages: list[BaseMessage] = ASKED, **options: Any
) -> list[Any]:
    return [chunk async for chunk in make(name, **options).astream(messages)]


async def test_stream_of_text_has_a_chunk_a_token_and_usage_at_the_end() -> None:
    chunks = await stream('{"text": "One two three."}')

    assert [chunk.text for chunk in chunks if chunk.text] == ["One", " two", " three."]
    usage = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    assert usage == [{"input_tokens": 3, "output_tokens": 3, "total_tokens": 6}]


async def test_echo_repeats_the_last_question() -> None:
    answer = await make("echo").ainvoke(
        [HumanMessage("first"), AIMessage("x"), HumanMessage("second one")]
    )

    assert answer.text == "second one"


async def test_quote_gives_the_sentence_nearest_to_the_question() -> None:
    context = SystemMessage("The pump weighs nine kilograms. The hose is red.")

    answer = await make("quote").ainvoke(
        [context, HumanMessage("What colour has the hose?")]
    )

    assert answer.text == "The hose is red."


async def test_long_ignores_the_limit_of_the_agent() -> None:
    chunks = await stream("long-500", max_tokens=5)

    assert sum(bool(chunk.text) for chunk in chunks) == 500


async def test_text_stops_at_the_limit_of_the_agent() -> None:
    chunks = await stream('{"text": "One two three."}', max_tokens=2)

    assert "".join(chunk.text for chunk in chunks) == "One two"
    assert [
        chunk.response_metadata["finish_reason"]
        for chunk in chunks
        if chunk.response_metadata
    ] == ["length"]


async def test_rate_takes_the_time_it_says() -> None:
    script = find_script("rate-40")

    assert (script.tokens, script.tokens_per_second) == (400, 40)


async def test_tool_calls_once_and_then_answers() -> None:
    model = make("tool").bind_tools([])

    called = await model.ainvoke(ASKED)
    answered = await model.ainvoke(
        [*ASKED, called, ToolMessage("found", tool_call_id="call_1")]
    )

    assert [(call["name"], call["args"]) for call in called.tool_calls] == [
        ("search_knowledge", {"query": "help"})
    ]
    assert answered.text == "The tool has answered."


async def test_tool_call_streams_as_a_whole() -> None:
    total: Any = None
    for chunk in await stream("tool"):
        total = chunk if total is None else total + chunk

    assert [call["args"] for call in total.tool_calls] == [{"query": "help"}]


@pytest.mark.parametrize(
    ("name", "error"),
    [("error", ModelUnavailable), ("overflow", ContextOverflow), ("busy", ModelBusy)],
)
async def test_failing_script_raises_a_typed_error(
    name: str, error: type[AppError]
) -> None:
    with pytest.raises(error):
        await make(name).ainvoke(ASKED)


async def test_cut_says_something_before_it_fails() -> None:
    said: list[str] = []

    async def listen() -> None:
        async for chunk in make("cut").astream(ASKED):
            said.append(chunk.text)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(ModelUnavailable):
        await listen()

    assert len(said) == 10


async def test_queued_announces_its_positions_first() -> None:
    notices = [notice_of(chunk) for chunk in await stream("queued")]

    assert [notice.position for notice in notices if notice] == [2, 1]


async def test_reasoning_comes_apart_from_the_text() -> None:
    chunks = await stream("thinks")

    reasoning = [
        chunk.additional_kwargs["reasoning_content"]
        for chunk in chunks
        if chunk.additional_kwargs
    ]
    assert reasoning == ["The question is simple."]
    assert "".join(chunk.text for chunk in chunks) == "Yes."


async def test_delay_comes_before_the_first_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("app.backend.providers.adapters.scripted.asyncio.sleep", sleep)
    await stream(json.dumps({"text": "a b", "first_token_seconds": 3}))

    assert slept[0] == 3


@pytest.mark.parametrize(
    "name", ["nope", "long-9999999", "rate-0", "{", '{"text": 1}', '{"unknown": 1}']
)
async def test_unknown_script_is_invalid(name: str) -> None:
    with pytest.raises(Invalid, match="script"):
        make(name)
