"""Services that speak OpenAI's chat protocol: any of them by its URL, and those that are well known."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from langchain_core.language_models import BaseChatModel
from pydantic import Field
from typing_extensions import override

from app.backend.providers.base import ChatOptions, Embedded, ProviderModel
from app.backend.providers.handler import Form, Handler, KeyNeed, TypeInfo, Url


class CompatibleForm(Form):
    """Where the service is."""

    base_url: Url = Field(
        title="URL",
        description="Where its chat protocol begins, mostly with /v1 at the end.",
        examples=["https://api.example.org/v1"],
    )


class CompatibleHandler(Handler):
    """Any service by its URL."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="openai_compatible",
        label="OpenAI-compatible",
        about="Any service that speaks OpenAI's chat protocol: vLLM, Groq, DeepSeek, Together and many more.",
        form=CompatibleForm,
        key_need=KeyNeed.OPTIONAL,
        icon="plug",
    )
    chat_module: ClassVar[str] = "openai_chat"

    @override
    async def list_models(self) -> Sequence[ProviderModel]:
        from app.backend.providers.adapters import openai_chat

        connection = self.connection
        return await openai_chat.list_models(
            base_url=self.address,
            api_key=self.key,
            http=connection.pools.client(is_trusted=connection.is_trusted),
            remedy=connection.remedy,
        )

    @override
    def make(self, model: str, options: ChatOptions) -> BaseChatModel:
        from app.backend.providers.adapters.openai_chat import CompatibleChat

        connection = self.connection
        return CompatibleChat(
            model=model,
            base_url=self.address,
            api_key=self.key,
            temperature=options.temperature,
            top_p=options.top_p,
            max_completion_tokens=options.max_tokens,
            http_async_client=connection.pools.client(is_trusted=connection.is_trusted),
            max_retries=0,
            stream_usage=True,
            use_responses_api=False,
            remedy=connection.remedy,
        )

    @override
    async def embed(self, model: str, texts: Sequence[str]) -> Embedded:
        from app.backend.providers.adapters import openai_chat

        connection = self.connection
        return await openai_chat.embed(
            model,
            texts,
            base_url=self.address,
            api_key=self.key,
            http=connection.pools.client(is_trusted=connection.is_trusted),
            remedy=connection.remedy,
        )


class OpenAIForm(Form):
    """OpenAI needs nothing but a key."""

    base_url: Url = Field(
        default="https://api.openai.com/v1",
        title="URL",
        description="Only changed for a proxy or a region of its own.",
    )


class OpenAIHandler(CompatibleHandler):
    """OpenAI."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="openai",
        label="OpenAI",
        about="GPT models, with a key of platform.openai.com.",
        form=OpenAIForm,
        key_hint="Begins with sk-.",
        icon="sparkles",
        price_id="openai",
        hosts=("api.openai.com:443",),
    )


class GoogleForm(Form):
    """Google needs nothing but a key."""

    base_url: Url = Field(
        default="https://generativelanguage.googleapis.com/v1beta/openai",
        title="URL",
        description="Where the Gemini API speaks OpenAI's protocol.",
    )


class GoogleHandler(CompatibleHandler):
    """Google's Gemini API, which speaks OpenAI's protocol too; its models are listed with a prefix that nobody writes."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="google",
        label="Google",
        about="Gemini models, with a key of aistudio.google.com.",
        form=GoogleForm,
        key_hint="Begins with AIza.",
        icon="gem",
        price_id="google",
        hosts=("generativelanguage.googleapis.com:443",),
    )

    @override
    async def list_models(self) -> Sequence[ProviderModel]:
        return [
            replace(model, name=model.name.removeprefix("models/"))
            for model in await super().list_models()
        ]


class OpenRouterForm(Form):
    """OpenRouter needs nothing but a key."""

    base_url: Url = Field(default="https://openrouter.ai/api/v1", title="URL")


class OpenRouterHandler(CompatibleHandler):
    """OpenRouter, which lists its models to anybody and has a question of its own for keys."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="openrouter",
        label="OpenRouter",
        about="Models of many vendors with one key.",
        form=OpenRouterForm,
        key_hint="Begins with sk-or-.",
        icon="route",
        price_id="openrouter",
        hosts=("openrouter.ai:443",),
    )

    @override
    async def check_key(self) -> bool:
        from app.backend.providers.adapters import openai_chat

        connection = self.connection
        await openai_chat.ask(
            "/key",
            base_url=self.address,
            api_key=self.key,
            http=connection.pools.client(is_trusted=connection.is_trusted),
            remedy=connection.remedy,
        )
        return True


class HuggingFaceForm(Form):
    """Hugging Face needs nothing but a token."""

    base_url: Url = Field(
        default="https://router.huggingface.co/v1",
        title="URL",
        description="The router of Inference Providers, or the URL of an endpoint of yours with /v1.",
    )


class HuggingFaceHandler(CompatibleHandler):
    """Hugging Face's router, which lists its models to anybody: only a question tells whether the token is good."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="huggingface",
        label="Hugging Face",
        about="Open models at Hugging Face's inference providers, or an endpoint of yours.",
        form=HuggingFaceForm,
        key_hint="A token that begins with hf_.",
        icon="smile",
        price_id="huggingface",
        hosts=("router.huggingface.co:443", "huggingface.co:443"),
    )

    @override
    async def check_key(self) -> bool:
        return False


class LlamaCppForm(Form):
    """Where llama.cpp's server is."""

    base_url: Url = Field(default="http://127.0.0.1:8080/v1", title="URL")


class LlamaCppHandler(CompatibleHandler):
    """llama.cpp's server, which lists its model with its window."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="llamacpp",
        label="llama.cpp server",
        about="A GGUF file of any architecture, served by llama-server.",
        form=LlamaCppForm,
        key_need=KeyNeed.OPTIONAL,
        key_hint="Only when it was started with --api-key.",
        icon="cpu",
        is_local=True,
    )


class LMStudioForm(Form):
    """Where LM Studio's server is."""

    base_url: Url = Field(default="http://127.0.0.1:1234/v1", title="URL")


class LMStudioHandler(CompatibleHandler):
    """LM Studio's server."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="lmstudio",
        label="LM Studio",
        about="Models that LM Studio serves on this machine or in your network.",
        form=LMStudioForm,
        key_need=KeyNeed.OPTIONAL,
        icon="monitor",
        is_local=True,
    )
