"""Chat and embeddings of the runtime over HTTP, as any OpenAI client sees them."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from app.backend.core.settings import Settings
from app.backend.knowledge.embeddings import decode_vector
from app.backend.models.checks import CheckStage, CheckStatus, check
from app.backend.models.files import CHAT as CHAT_FILE
from app.backend.models.local import open_shelf
from app.backend.providers.pools import Pools
from tests.integration.providers.test_contract import connect, pools
from tests.integration.runtime.conftest import WaitForQueue
from tests.processes import Fork

__all__ = ["pools"]
MODEL = "smollm2-135m"
SYSTEM = {"role": "system", "content": "You are helpful."}
CHAT = "/v1/chat/completions"
STORY = "Write a very long story."


def body(
    question: str = "What is the capital of France?", **fields: Any
) -> dict[str, Any]:
    return {
        "model": MODEL,
        "messages": [SYSTEM, {"role": "user", "content": question}],
        **fields,
    }


async def lines(
    client: httpx.AsyncClient, asked: dict[str, Any]
) -> list[dict[str, Any]]:
    async with client.stream("POST", CHAT, json=asked) as response:
        said = [
            line.removeprefix("data: ")
            async for line in response.aiter_lines()
            if line.startswith("data: ")
        ]
    assert said[-1] == "[DONE]"
    return [json.loads(line) for line in said[:-1]]


async def test_answer_as_json_has_text_and_usage(internal: httpx.AsyncClient) -> None:
    answer = (await internal.post(CHAT, json=body(max_tokens=20))).json()

    assert "Paris" in answer["choices"][0]["message"]["content"]
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert (
        answer["usage"]["total_tokens"]
        == answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]
    )


async def test_stream_is_what_the_openai_client_expects(
    internal: httpx.AsyncClient,
) -> None:
    key = internal.headers["Authorization"].removeprefix("Bearer ")
    async with openai.AsyncOpenAI(
        base_url=f"{internal.base_url}/v1", api_key=key, max_retries=0
    ) as client:
        stream = await client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": "Say hello."}],
            max_tokens=8,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]

    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(
        chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices
    )
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens <= 8


async def test_stream_without_the_wish_has_no_notices(
    internal: httpx.AsyncClient,
) -> None:
    assert not [
        chunk
        for chunk in await lines(internal, body(max_tokens=2, stream=True))
        if "notice" in chunk
    ]


async def test_questions_wait_in_line_and_hear_their_position(
    internal: httpx.AsyncClient,
) -> None:
    asked = body(max_tokens=10, stream=True, stream_options={"include_notices": True})

    answers = await asyncio.gather(*(lines(internal, asked) for _ in range(3)))

    waited = sorted(
        [
            chunk["notice"]["position"]
            for chunk in chunks
            if chunk.get("notice", {}).get("type") == "queued"
        ]
        for chunks in answers
    )
    assert waited == [[], [1], [2, 1]]


@pytest.mark.parametrize("extra", [{}, {"stream": True}])
async def test_prompt_beyond_the_window_is_a_bad_request(
    internal: httpx.AsyncClient, extra: dict[str, Any]
) -> None:
    response = await internal.post(CHAT, json=body("fox " * 3000, **extra))

    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "context_length_exceeded"
    assert "2048 tokens" in error["message"]


@pytest.mark.parametrize(
    ("asked", "status", "says"),
    [
        ({"model": "gpt-4o"}, 404, "smollm2-135m"),
        ({"messages": []}, 400, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, 400, "messages"),
        ({"temperature": 3}, 400, "temperature"),
        ({"n": 2}, 400, "n"),
        ({"tools": [{"type": "function"}]}, 400, "tools"),
    ],
)
async def test_request_that_cannot_be_served_is_refused_in_words(
    internal: httpx.AsyncClient, asked: dict[str, Any], status: int, says: str
) -> None:
    response = await internal.post(CHAT, json={**body(), **asked})

    assert response.status_code == status
    assert says in response.text


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b'"x"'])
async def test_body_that_is_no_request_is_refused(
    internal: httpx.AsyncClient, content: bytes
) -> None:
    assert (await internal.post(CHAT, content=content)).status_code == 400
    assert (await internal.post("/v1/embeddings", content=content)).status_code == 400


async def test_body_beyond_all_sense_is_refused(internal: httpx.AsyncClient) -> None:
    response = await internal.post(CHAT, content=b"x" * (16 * 1024 * 1024 + 1))

    assert response.status_code == 413


async def test_caller_who_leaves_frees_the_model(
    internal: httpx.AsyncClient, wait_for_queue: WaitForQueue
) -> None:
    async with internal.stream(
        "POST", CHAT, json=body(STORY, max_tokens=1500, stream=True)
    ) as response:
        said = response.aiter_lines()
        await anext(said)
        await wait_for_queue(1)

    await wait_for_queue(0)


async def test_caller_who_leaves_without_a_stream_frees_the_model(
    internal: httpx.AsyncClient, wait_for_queue: WaitForQueue
) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await internal.post(CHAT, json=body(STORY, max_tokens=1500), timeout=0.7)

    await wait_for_queue(0)


async def test_embeddings_never_wait_behind_a_generation(
    internal: httpx.AsyncClient, wait_for_queue: WaitForQueue
) -> None:
    async with internal.stream(
        "POST", CHAT, json=body(STORY, max_tokens=1500, stream=True)
    ) as response:
        said = response.aiter_lines()
        await anext(said)
        vectors = (
            await internal.post("/v1/embeddings", json={"input": "hello"})
        ).json()["data"]
        await wait_for_queue(1)

    assert len(vectors[0]["embedding"]) == 384
    await wait_for_queue(0)


async def test_embeddings_are_the_same_in_both_forms(
    internal: httpx.AsyncClient,
) -> None:
    asked = {"model": "minilm-int8", "input": ["The cat sits.", "A car drives."]}
    plain = (await internal.post("/v1/embeddings", json=asked)).json()["data"]
    packed = (
        await internal.post(
            "/v1/embeddings", json={**asked, "encoding_format": "base64"}
        )
    ).json()["data"]

    assert [item["index"] for item in plain] == [0, 1]
    for one, other in zip(plain, packed, strict=True):
        assert np.allclose(
            one["embedding"], decode_vector(other["embedding"]), atol=1e-6
        )
        assert np.isclose(np.linalg.norm(one["embedding"]), 1)


async def test_models_are_listed(internal: httpx.AsyncClient) -> None:
    found = (await internal.get("/v1/models")).json()["data"]

    assert [item["id"] for item in found] == [MODEL, "minilm-int8"]


async def test_health_is_open_and_tells_no_secret(
    settings: Settings, own_runtime: Fork
) -> None:
    del own_runtime
    async with httpx.AsyncClient() as anyone:
        answer = (await anyone.get(f"{settings.runtime_address}/health")).json()

    assert answer["status"] == "ok"
    assert set(answer) == {"status", "model", "is_model_loaded", "queue_length"}


async def test_model_that_was_added_is_loaded_in_the_place_of_the_other(
    internal: httpx.AsyncClient, settings: Settings, tmp_path: Path
) -> None:
    copy = tmp_path / "second.gguf"
    shutil.copyfile(CHAT_FILE.path(settings.models_dir), copy)
    shelf = open_shelf(settings)
    shelf.add_path(copy)
    listed = (await internal.get("/v1/models")).json()
    other = await internal.post(CHAT, json=body(max_tokens=20) | {"model": "second"})
    own = await internal.post(CHAT, json=body(max_tokens=20))
    shelf.note_trial("second", tokens_per_second=None, reason="It is too new.")
    refused = await internal.post(CHAT, json=body() | {"model": "local/second"})

    assert "second" in [item["id"] for item in listed["data"]]
    for answer, model in ((other.json(), "second"), (own.json(), MODEL)):
        assert answer["model"] == model
        assert "Paris" in answer["choices"][0]["message"]["content"]
    assert refused.status_code == 404


async def test_another_installation_s_runtime_passes_all_stages_but_tools(
    settings: Settings, own_runtime: Fork, key: str, pools: Pools
) -> None:
    del own_runtime
    handler = connect("gpt4all", settings.runtime_address, pools, secret=key)

    results = {one.stage: one.status async for one in check(handler)}
    (vectors,) = [one for one in await handler.list_models() if "mini" in one.name]
    found = await handler.embed(vectors.name, ["one", "two"])

    assert results[CheckStage.CHAT] is CheckStatus.OK
    assert results[CheckStage.EMBEDDING] is CheckStatus.OK
    assert [len(one) for one in found.vectors] == [384, 384]
