"""Connected providers on real servers: llama.cpp by two protocols, and one of Ollama's, all on the shipped model."""

import pytest

from app.backend.models.checks import CheckStage, CheckStatus, check
from app.backend.providers.base import ChatOptions
from app.backend.providers.errors import ContextOverflow
from app.backend.providers.pools import Pools
from tests.integration.providers.conftest import KEY
from tests.integration.providers.test_contract import connect, gather, pools

__all__ = ["pools"]
MODEL = "smollm"


async def test_llama_cpp_s_server_passes_the_stages_and_tells_its_window(
    llama_url: str, pools: Pools
) -> None:
    handler = connect("llamacpp", llama_url, pools, secret=KEY)

    results = {one.stage: one.status async for one in check(handler)}

    assert CheckStatus.FAILED not in results.values()
    # The small model answers, calls no tools, and is the only one.
    assert results[CheckStage.TOOLS] is CheckStatus.LIMITED
    assert results[CheckStage.EMBEDDING] is CheckStatus.SKIPPED
    (listed,) = await handler.list_models()
    assert listed.name == MODEL
    assert listed.context


@pytest.mark.parametrize("key", ["llamacpp", "anthropic"])
async def test_llama_cpp_answers_by_openai_s_and_by_anthropic_s_protocol(
    llama_url: str, pools: Pools, key: str
) -> None:
    url = llama_url if key == "llamacpp" else llama_url.removesuffix("/v1")
    handler = connect(key, url, pools, secret=KEY)

    whole = await gather(handler.make(MODEL, ChatOptions(max_tokens=12)))

    assert whole.text.strip()
    assert whole.usage_metadata is not None
    assert 0 < whole.usage_metadata["output_tokens"] <= 12
    assert whole.response_metadata["finish_reason"] in {"stop", "length"}


async def test_prompt_beyond_the_window_is_an_error(
    llama_url: str, pools: Pools
) -> None:
    handler = connect("llamacpp", llama_url, pools, secret=KEY)

    with pytest.raises(ContextOverflow):
        await handler.make(MODEL, ChatOptions()).ainvoke("fox " * 900)


async def test_ollama_s_protocol_answers(ollama_url: str, pools: Pools) -> None:
    handler = connect("ollama", ollama_url, pools)

    names = [one.name for one in await handler.list_models()]
    model = handler.make("llama/smollm", ChatOptions(max_tokens=12, window=512))
    whole = await gather(model)

    assert "llama/smollm" in names
    assert whole.text.strip()
