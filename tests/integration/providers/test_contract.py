"""What every type of provider keeps: it streams, stops, calls tools, counts, explains its failures, and waits for nothing for ever."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage
from langchain_core.messages.ai import add_ai_message_chunks
from pydantic import SecretStr

from app.backend.core.errors import AppError
from app.backend.models.checks import CheckStage, CheckStatus, check
from app.backend.providers.base import ChatOptions
from app.backend.providers.errors import (
    ContextOverflow,
    ModelBusy,
    ModelKeyRejected,
    ModelMissing,
    ModelRefused,
    ModelUnavailable,
)
from app.backend.providers.handler import Connection, Handler
from app.backend.providers.pools import Pools
from app.backend.providers.registry import TYPES
from tests.integration.providers import vendors
from tests.integration.providers.vendors import KEY, Vendor

_ADD: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        },
    },
}
# What the vendors' libraries take from the environment when nobody tells them better.
_CANARY = "canary-of-the-environment"
_READ_BY_LIBRARIES = (
    "OLLAMA_API_KEY",
    "OPENAI_API_KEY",
    "OPENAI_ADMIN_KEY",
    "OPENAI_ORG_ID",
    "OPENAI_ORGANIZATION",
    "OPENAI_PROJECT_ID",
    "OPENAI_CUSTOM_HEADERS",
    "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_AD_TOKEN",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_CUSTOM_HEADERS",
    "MISTRAL_API_KEY",
    "HF_TOKEN",
)
_TEXTS = ["one", "two"]
_MESSAGES = [SystemMessage("Be brief."), HumanMessage("What is 2 plus 2?")]


@dataclass(frozen=True)
class Kind:
    """How a type of provider is met in a test: who speaks its protocol, and what follows the address."""

    vendor: Callable[[], Vendor]
    path: str = "/v1"


KINDS = {
    "openai": Kind(vendors.openai),
    "anthropic": Kind(vendors.anthropic, ""),
    "google": Kind(vendors.openai, "/v1beta/openai"),
    "mistral": Kind(vendors.mistral),
    "openrouter": Kind(vendors.openai, "/api/v1"),
    "azure": Kind(vendors.azure, ""),
    "huggingface": Kind(vendors.openai),
    "ollama": Kind(vendors.ollama, ""),
    "llamacpp": Kind(vendors.openai),
    "lmstudio": Kind(vendors.openai),
    "gpt4all": Kind(vendors.openai, ""),
    "openai_compatible": Kind(vendors.openai),
}
# A script is no service, and a custom one is somebody else's code; both have tests of their own.
OTHERS = {"scripted", "custom"}
WITHOUT_VECTORS = {"anthropic"}


def test_every_type_is_tested() -> None:
    assert set(TYPES) == KINDS.keys() | OTHERS


@dataclass(frozen=True)
class Met:
    """A provider that is connected to its vendor."""

    handler: Handler
    vendor: Vendor

    def model(self, name: str, **options: Any) -> BaseChatModel:
        return self.handler.make(name, ChatOptions(**options))


@pytest.fixture
async def pools() -> AsyncGenerator[Pools, None]:
    made = Pools()
    yield made
    await made.close()


@pytest.fixture(params=sorted(KINDS))
def met(request: pytest.FixtureRequest, pools: Pools) -> Iterator[Met]:
    yield from _meet(request.param, pools)


def _meet(key: str, pools: Pools) -> Iterator[Met]:
    kind = KINDS[key]
    vendor = kind.vendor()
    with vendors.serving(vendor) as url:
        yield Met(connect(key, f"{url}{kind.path}", pools), vendor)


@pytest.fixture(params=sorted(KINDS.keys() - WITHOUT_VECTORS))
def embedding(request: pytest.FixtureRequest, pools: Pools) -> Iterator[Met]:
    """A provider whose type makes vectors."""
    yield from _meet(request.param, pools)


def connect(
    key: str, url: str, pools: Pools, *, secret: str = KEY, is_trusted: bool = True
) -> Handler:
    handler = TYPES[key]
    return handler(
        Connection(
            name="mine",
            label="",
            settings=handler.info.form.model_validate({"base_url": url}),
            key=SecretStr(secret) if secret else None,
            pools=pools,
            is_trusted=is_trusted,
        )
    )


async def gather(model: Any) -> AIMessageChunk:
    chunks = [chunk async for chunk in model.astream(_MESSAGES)]
    return add_ai_message_chunks(*chunks)


async def test_answer_is_streamed_and_counted(met: Met) -> None:
    chunks = [chunk async for chunk in met.model("good").astream(_MESSAGES)]

    texts = [chunk.text for chunk in chunks if chunk.text]
    assert texts == vendors.WORDS
    whole = add_ai_message_chunks(*chunks)
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["input_tokens"] == vendors.USAGE_IN
    assert whole.usage_metadata["output_tokens"] == vendors.USAGE_OUT


async def test_answer_says_why_it_ended(met: Met) -> None:
    chunks = [chunk async for chunk in met.model("good").astream(_MESSAGES)]

    reasons = [chunk.response_metadata.get("finish_reason") for chunk in chunks]
    if met.handler.info.key == "ollama":
        reasons = [chunk.response_metadata.get("done_reason") for chunk in chunks]
    assert [reason for reason in reasons if reason] == ["stop"]


async def test_tool_is_called_with_its_arguments(met: Met) -> None:
    whole = await gather(met.model("tool").bind_tools([_ADD]))

    assert [(call["name"], call["args"]) for call in whole.tool_calls] == [
        ("add", vendors.TOOL_ARGS)
    ]
    assert "tools" in met.vendor.asked[-1]


async def test_stream_that_is_stopped_ends_the_work(met: Met) -> None:
    stream: Any = met.model("endless").astream(_MESSAGES)
    async with aclosing(stream) as chunks:
        texts: list[str] = []
        async for chunk in chunks:
            texts.append(chunk.text)
            if "".join(texts):
                break

    assert await asyncio.to_thread(met.vendor.hung_up.wait, 5)


async def test_options_are_sent(met: Met) -> None:
    await gather(met.model("good", max_tokens=33, temperature=0.5))

    asked = met.vendor.asked[-1]
    sent = asked.get("options", asked)
    limits = {"max_tokens", "max_completion_tokens", "num_predict"} & sent.keys()
    assert [sent[name] for name in limits] == [33]
    assert sent["temperature"] == 0.5


async def test_temperature_that_is_left_out_is_not_sent(met: Met) -> None:
    await gather(met.model("good", temperature=None))

    asked = met.vendor.asked[-1]
    # Mistral's library always sends one; its models refuse none.
    left = 0.7 if met.handler.info.key == "mistral" else None
    assert asked.get("options", asked).get("temperature") == left


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("busy", ModelBusy),
        ("broken", (ModelUnavailable, ModelRefused)),
        ("long", ContextOverflow),
        ("absent", ModelMissing),
    ],
)
async def test_failure_is_explained(
    met: Met, model: str, error: type[AppError] | tuple[type[AppError], ...]
) -> None:
    with pytest.raises(error) as raised:
        await gather(met.model(model))

    assert KEY not in raised.value.message
    assert raised.value.message.endswith(".")
    # It is asked once: who asks again is ours to say.
    assert len(met.vendor.asked) == 1


async def test_wrong_key_names_the_provider(met: Met, pools: Pools) -> None:
    wrong = connect(
        met.handler.info.key, met.handler.address, pools, secret="wrong-key-of-tests"
    )

    with pytest.raises(ModelKeyRejected, match=r"mine|another key"):
        await gather(wrong.make("good", ChatOptions()))


async def test_service_that_is_away_is_explained(met: Met, pools: Pools) -> None:
    away = connect(met.handler.info.key, "http://127.0.0.1:1/v1", pools)

    with pytest.raises(ModelUnavailable, match="does not answer"):
        await gather(away.make("good", ChatOptions()))


async def test_private_address_is_refused_to_who_is_not_trusted(
    met: Met, pools: Pools
) -> None:
    kept = connect(met.handler.info.key, met.handler.address, pools, is_trusted=False)

    with pytest.raises(ModelRefused, match="private network"):
        await gather(kept.make("good", ChatOptions()))

    assert met.vendor.asked == []


async def test_nothing_of_the_environment_is_sent(
    met: Met, pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in _READ_BY_LIBRARIES:
        monkeypatch.setenv(name, f"X-Canary: {_CANARY}")
    key = met.handler.info.key
    for secret in (KEY, ""):
        handler = connect(key, met.handler.address, pools, secret=secret)
        for attempt in (
            handler.list_models(),
            gather(_made(handler)),
            handler.embed(vendors.EMBEDDER, _TEXTS),
        ):
            with suppress(AppError):
                await attempt

    assert len(met.vendor.headers) >= 2
    assert _CANARY not in "".join(met.vendor.headers)
    assert met.vendor.asked[0]


def _made(handler: Handler) -> BaseChatModel:
    return handler.make("good", ChatOptions())


async def test_models_are_listed(met: Met) -> None:
    names = [model.name for model in await met.handler.list_models()]

    assert names == ([] if met.handler.info.key == "azure" else list(vendors.MODELS))


async def test_texts_become_vectors_in_their_order(embedding: Met) -> None:
    found = await embedding.handler.embed(vendors.EMBEDDER, _TEXTS)

    assert [list(one) for one in found.vectors] == vendors.VECTORS
    assert found.tokens == vendors.USAGE_IN
    assert embedding.vendor.asked[-1]["input"] == _TEXTS


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("busy", ModelBusy),
        ("broken", ModelUnavailable),
        ("long", (ContextOverflow, ModelRefused)),
        ("absent", ModelMissing),
    ],
)
async def test_failure_to_make_vectors_is_explained(
    embedding: Met, model: str, error: type[AppError] | tuple[type[AppError], ...]
) -> None:
    with pytest.raises(error) as raised:
        await embedding.handler.embed(model, _TEXTS)

    assert KEY not in raised.value.message
    assert raised.value.message.endswith(".")
    assert len(embedding.vendor.asked) == 1


async def test_vectors_need_the_right_key_and_a_public_address(
    embedding: Met, pools: Pools
) -> None:
    key, url = embedding.handler.info.key, embedding.handler.address
    wrong = connect(key, url, pools, secret="wrong-key-of-tests")
    stranger = connect(key, url, pools, is_trusted=False)

    with pytest.raises(ModelKeyRejected, match=r"mine|another key"):
        await wrong.embed(vendors.EMBEDDER, _TEXTS)
    with pytest.raises(ModelRefused, match="private network"):
        await stranger.embed(vendors.EMBEDDER, _TEXTS)

    assert len(embedding.vendor.asked) == 1


async def test_connection_is_tried_to_the_last_stage(met: Met) -> None:
    key = met.handler.info.key
    results = {one.stage: one async for one in check(met.handler)}

    last = results[CheckStage.EMBEDDING]
    if key == "azure":
        assert last.status is CheckStatus.SKIPPED
        assert last.detail.startswith("Name an embedding model")
    elif key in WITHOUT_VECTORS:
        assert last.status is CheckStatus.SKIPPED
        assert last.detail == f"{met.handler.info.label} makes no vectors here."
    else:
        assert (last.status, last.detail) == (
            CheckStatus.OK,
            f"{vendors.EMBEDDER} made a vector of 2 numbers.",
        )


async def test_embedding_model_that_is_named_is_asked_for_vectors_only(
    embedding: Met,
) -> None:
    tried = check(embedding.handler, model=vendors.EMBEDDER)
    results = {one.stage: one async for one in tried}

    assert results[CheckStage.CHAT].status is CheckStatus.SKIPPED
    assert results[CheckStage.CHAT].detail.endswith("answers nothing.")
    assert results[CheckStage.EMBEDDING].status is CheckStatus.OK
    assert len(embedding.vendor.asked) == 1


async def test_stage_of_vectors_fails_with_its_cause(embedding: Met) -> None:
    tried = check(embedding.handler, model="embed-gone")
    results = {one.stage: one async for one in tried}

    last = results[CheckStage.EMBEDDING]
    assert last.status is CheckStatus.FAILED
    assert "embed-gone" in last.detail


@pytest.mark.parametrize("status", [400, 403, 404, 500])
async def test_embedding_model_that_nobody_chose_fails_no_connection(
    embedding: Met, status: int
) -> None:
    embedding.vendor.failures[vendors.EMBEDDER] = status, "Not for you."
    results = {one.stage: one async for one in check(embedding.handler)}
    if embedding.handler.info.key == "azure":
        # It lists none, so somebody names it.
        assert results[CheckStage.EMBEDDING].status is CheckStatus.SKIPPED
        return
    named = check(embedding.handler, model=vendors.EMBEDDER)

    last = results[CheckStage.EMBEDDING]
    assert last.status is CheckStatus.LIMITED
    assert last.detail.startswith(f"{vendors.EMBEDDER} makes no vectors here. ")
    assert [one async for one in named][-1].status is CheckStatus.FAILED


async def test_key_that_no_model_accepted_fails_the_connection(pools: Pools) -> None:
    vendor = vendors.openai()
    vendor.listing = {"data": [{"id": vendors.EMBEDDER, "object": "model"}]}
    vendor.failures[vendors.EMBEDDER] = 403, "Not for you."
    with vendors.serving(vendor) as url:
        handler = connect("openai_compatible", f"{url}/v1", pools)
        results = [one async for one in check(handler)]

    assert (results[-1].stage, results[-1].status) == (
        CheckStage.EMBEDDING,
        CheckStatus.FAILED,
    )
