"""`openai/<model>` against a real OpenAI-compatible server."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import pytest
from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from app.backend.core.errors import AppError
from app.backend.providers.adapters.openai import OpenAIProvider
from app.backend.providers.base import ChatOptions
from app.backend.providers.errors import (
    ContextOverflow,
    ModelBusy,
    ModelKeyRejected,
    ModelMissing,
    ModelRefused,
    ModelUnavailable,
)
from tests.integration.providers.conftest import KEY
from tests.integration.providers.services import Answer, serving

QUESTION = [("system", "You are helpful."), ("user", "What is the capital of France?")]
Make = Callable[..., BaseChatModel]


@pytest.fixture
async def provider(llama_url: str) -> AsyncGenerator[OpenAIProvider, None]:
    made = OpenAIProvider(llama_url, SecretStr(KEY))
    yield made
    await made.close()


async def test_list_models_gives_the_ones_of_the_service(
    provider: OpenAIProvider,
) -> None:
    assert [model.name for model in await provider.list_models()] == ["smollm"]


async def test_stream_gives_text_and_usage(provider: OpenAIProvider) -> None:
    chunks = [
        chunk
        async for chunk in provider.make("smollm", ChatOptions(max_tokens=20)).astream(
            QUESTION
        )
    ]

    assert "".join(chunk.text for chunk in chunks).strip()
    usage = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    assert len(usage) == 1
    assert usage[0]["input_tokens"] > 10
    assert usage[0]["output_tokens"] <= 20


async def test_answer_keeps_to_the_limit_of_tokens(provider: OpenAIProvider) -> None:
    answer = await provider.make("smollm", ChatOptions(max_tokens=3)).ainvoke(QUESTION)

    assert answer.response_metadata["finish_reason"] == "length"


async def test_prompt_beyond_the_window_is_an_error_with_its_sizes(
    provider: OpenAIProvider,
) -> None:
    model = provider.make("smollm", ChatOptions())

    with pytest.raises(ContextOverflow, match="window of 512 tokens") as raised:
        await model.ainvoke("fox " * 900)
    with pytest.raises(ContextOverflow):
        await anext(model.astream("fox " * 900))

    assert raised.value.code == "context_length_exceeded"


async def test_stream_that_is_closed_ends_the_work_of_the_service(
    provider: OpenAIProvider,
) -> None:
    model = provider.make("smollm", ChatOptions(max_tokens=400))
    async with aclosing(model.astream("Write a long story.")) as stream:  # pyright: ignore[reportArgumentType] - it is a generator
        await anext(stream)

    answer = await provider.make("smollm", ChatOptions(max_tokens=2)).ainvoke(QUESTION)

    assert answer.text


async def test_wrong_key_says_which_setting_to_correct(llama_url: str) -> None:
    await expect(
        OpenAIProvider(llama_url, SecretStr("wrong")),
        ModelKeyRejected,
        "ATELIER_OPENAI_API_KEY",
    )


async def test_missing_key_says_which_setting_to_correct(llama_url: str) -> None:
    await expect(
        OpenAIProvider(llama_url, None), ModelKeyRejected, "ATELIER_OPENAI_API_KEY"
    )


async def test_service_that_is_down_is_unavailable() -> None:
    await expect(
        OpenAIProvider("http://127.0.0.1:1/v1", None),
        ModelUnavailable,
        "does not answer",
    )


async def test_url_of_something_else_is_explained(ollama_url: str) -> None:
    await expect(
        OpenAIProvider(f"{ollama_url}/nothing", None), AppError, "no model|failed"
    )


async def expect(provider: OpenAIProvider, error: type[AppError], says: str) -> None:
    with pytest.raises(error, match=says):
        await provider.make("smollm", ChatOptions()).ainvoke("Hi")
    await provider.close()


def refusal(status: int, message: str = "No.", **headers: str) -> Answer:
    return Answer.of(
        {"error": {"message": message, "code": None}}, status=status, **headers
    )


FIRST = b'data: {"id":"x","object":"chat.completion.chunk","created":0,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Y"},"finish_reason":null}]}\n\n'


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (refusal(429, retry_after="7"), ModelBusy, "enough requests"),
        (refusal(404), ModelMissing, "no model 'm'"),
        (refusal(403), ModelKeyRejected, "ATELIER_OPENAI_API_KEY"),
        (refusal(422, "Bad tool."), ModelRefused, "Bad tool"),
        (
            refusal(400, "maximum context length is 8192"),
            ContextOverflow,
            "does not fit",
        ),
        (refusal(500), ModelUnavailable, "failed"),
        (refusal(503), ModelUnavailable, "failed"),
        (Answer(b"<html>hello</html>", kind="text/html"), AppError, "broke off|failed"),
        (Answer(FIRST, kind="text/event-stream"), ModelUnavailable, "broke off"),
        (
            Answer(FIRST, b"data: {broken\n\n", kind="text/event-stream"),
            ModelUnavailable,
            "failed",
        ),
        (
            Answer(
                FIRST,
                b'data: {"error":{"message":"GPU lost"}}\n\n',
                kind="text/event-stream",
            ),
            ModelUnavailable,
            "GPU lost",
        ),
    ],
)
async def test_service_that_fails_is_explained(
    answer: Answer, error: type[AppError], says: str
) -> None:
    with serving(lambda _: answer) as url:
        provider = OpenAIProvider(f"{url}/v1", SecretStr("k"))
        with pytest.raises(error, match=says) as raised:
            _ = [
                chunk async for chunk in provider.make("m", ChatOptions()).astream("Hi")
            ]
        await provider.close()

    if isinstance(raised.value, ModelBusy):
        assert raised.value.retry_after == 7
