"""Vectors by Ollama's protocol and by OpenAI's, and types of providers that make none."""

import pytest

from app.backend.providers.errors import ModelRefused, ModelUnavailable
from app.backend.providers.pools import Pools
from tests.integration.providers.services import Answer, Request, serving
from tests.integration.providers.test_contract import connect, pools

__all__ = ["pools"]
VECTORS = [[1.0, 0.0], [0.0, 1.0]]


async def test_ollama_makes_vectors_and_cuts_nothing(pools: Pools) -> None:
    asked: list[Request] = []

    def answer(body: Request) -> Answer:
        asked.append(body)
        told = {"model": "m", "embeddings": VECTORS, "prompt_eval_count": 5}
        return Answer.of(told)

    with serving(answer) as url:
        found = await connect("ollama", url, pools).embed("m", ["one", "two"])

    assert [list(one) for one in found.vectors] == VECTORS
    assert found.tokens == 5
    assert (asked[0]["input"], asked[0]["truncate"]) == (["one", "two"], False)


async def test_service_that_does_not_say_what_it_read_is_believed(pools: Pools) -> None:
    def answer(_body: Request) -> Answer:
        # Not in their order, as some do.
        data = [
            {"object": "embedding", "index": n, "embedding": VECTORS[n]} for n in (1, 0)
        ]
        return Answer.of({"object": "list", "data": data, "model": "m"})

    with serving(answer) as url:
        handler = connect("openai_compatible", f"{url}/v1", pools)
        found = await handler.embed("m", ["one", "two"])

    assert [list(one) for one in found.vectors] == VECTORS
    assert found.tokens is None


@pytest.mark.parametrize("key", ["ollama", "openai_compatible"])
async def test_failure_is_told_in_words(pools: Pools, key: str) -> None:
    broken = Answer.of({"error": "Out of order."}, status=500)

    with (
        serving(lambda _body: broken) as url,
        pytest.raises(ModelUnavailable, match="failed"),
    ):
        await connect(key, url, pools).embed("m", ["one"])


async def test_type_that_makes_none_says_so(pools: Pools) -> None:
    handler = connect("anthropic", "http://127.0.0.1:1", pools)

    with pytest.raises(ModelRefused, match="makes no vectors"):
        await handler.embed("m", ["one"])
