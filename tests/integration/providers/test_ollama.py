"""`ollama/<model>` by Ollama's own protocol, against a real server of it and one that cuts prompts in silence."""

import json
from collections.abc import AsyncGenerator, Callable, Iterator

import pytest

from app.backend.providers.adapters.ollama import OllamaProvider
from app.backend.providers.base import ChatOptions
from app.backend.providers.errors import ContextOverflow, ModelMissing, ModelUnavailable
from tests.integration.providers.services import Answer, Request, serving

MODEL = "llama/smollm"
Make = Callable[..., OllamaProvider]
QUESTION = [("system", "You are helpful."), ("user", "What is the capital of France?")]


@pytest.fixture
async def make() -> AsyncGenerator[Make, None]:
    """Makes providers that are closed at the end."""
    made: list[OllamaProvider] = []

    def provider(url: str, *, context: int = 512) -> OllamaProvider:
        made.append(OllamaProvider(url, context=context))
        return made[-1]

    yield provider
    for one in made:
        await one.close()


@pytest.fixture
def provider(make: Make, ollama_url: str) -> OllamaProvider:
    return make(ollama_url)


async def test_list_models_gives_the_pulled_ones_with_the_window_we_ask_for(
    provider: OllamaProvider,
) -> None:
    assert (MODEL, 512) in [
        (model.name, model.context) for model in await provider.list_models()
    ]


async def test_stream_gives_text_and_usage(provider: OllamaProvider) -> None:
    chunks = [
        chunk
        async for chunk in provider.make(MODEL, ChatOptions(max_tokens=20)).astream(
            QUESTION
        )
    ]

    assert "".join(chunk.text for chunk in chunks).strip()
    assert [
        chunk.usage_metadata["output_tokens"] > 3
        for chunk in chunks
        if chunk.usage_metadata
    ] == [True]


async def test_answer_comes_as_a_whole_too(provider: OllamaProvider) -> None:
    answer = await provider.make(MODEL, ChatOptions(max_tokens=20)).ainvoke(QUESTION)

    assert answer.text


async def test_prompt_that_the_server_refuses_is_an_overflow(
    make: Make, ollama_url: str
) -> None:
    # We believe in a larger window than the server has.
    provider = make(ollama_url, context=4096)

    with pytest.raises(ContextOverflow):
        await provider.make(MODEL, ChatOptions()).ainvoke("fox " * 900)


async def test_server_that_is_down_is_unavailable(make: Make) -> None:
    provider = make("http://127.0.0.1:1")

    with pytest.raises(ModelUnavailable, match="ATELIER_OLLAMA_URL"):
        await provider.make(MODEL, ChatOptions()).ainvoke("Hi")
    with pytest.raises(ModelUnavailable):
        await provider.list_models()


class CuttingOllama:
    """Answers as Ollama does when it has cut the prompt to its window, or has no such model."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.evaluated = 20
        self.is_whole = True

    def __call__(self, request: Request) -> Answer:
        self.requests.append(request)
        if request["model"] == "missing":
            return Answer.of({"error": "model 'missing' not found"}, status=404)
        head = {"model": "m", "created_at": "2026-01-01T00:00:00Z"}
        counts = {"prompt_eval_count": self.evaluated, "eval_count": 1}
        text = {"message": {"role": "assistant", "content": "Yes"}, "done": False}
        end = {"message": {"role": "assistant", "content": ""}, "done": True}
        lines = [{**head, **text}, {**head, **end, "done_reason": "stop", **counts}]
        sent = lines if self.is_whole else lines[:1]
        return Answer(*(json.dumps(line).encode() + b"\n" for line in sent))


@pytest.fixture
def cutting() -> CuttingOllama:
    return CuttingOllama()


@pytest.fixture
def cutting_url(cutting: CuttingOllama) -> Iterator[str]:
    with serving(cutting) as url:
        yield url


async def test_window_is_asked_for_in_each_request(
    make: Make, cutting: CuttingOllama, cutting_url: str
) -> None:
    model = make(cutting_url, context=2048).make("m", ChatOptions(max_tokens=7))

    assert (await model.ainvoke("Hi")).text == "Yes"

    options = cutting.requests[0]["options"]
    assert (options["num_ctx"], options["num_predict"]) == (2048, 7)
    assert options["temperature"] == 0.0


@pytest.mark.parametrize(("words", "evaluated"), [(100, 60), (10, 512)])
async def test_prompt_that_was_cut_in_silence_is_an_error(
    make: Make, cutting: CuttingOllama, cutting_url: str, words: int, evaluated: int
) -> None:
    cutting.evaluated = evaluated
    model = make(cutting_url).make("m", ChatOptions())

    # How long it was, nobody knows: only what was left of it is told.
    with pytest.raises(ContextOverflow, match=r"The prompt does not fit .* 512 tokens"):
        await model.ainvoke("word " * words)


async def test_answer_without_an_end_is_an_error(
    make: Make, cutting: CuttingOllama, cutting_url: str
) -> None:
    cutting.is_whole = False
    model = make(cutting_url).make("m", ChatOptions())

    with pytest.raises(ModelUnavailable, match="broke off"):
        _ = [chunk async for chunk in model.astream("Hi")]


async def test_missing_model_says_how_to_get_it(make: Make, cutting_url: str) -> None:
    model = make(cutting_url).make("missing", ChatOptions())

    with pytest.raises(ModelMissing, match="ollama pull missing"):
        await model.ainvoke("Hi")
