"""Mistral, by its own protocol."""

from collections.abc import Sequence
from typing import ClassVar

from langchain_core.language_models import BaseChatModel
from pydantic import Field
from typing_extensions import override

from app.backend.providers.base import ChatOptions, Embedded, ProviderModel
from app.backend.providers.handler import Form, Handler, TypeInfo, Url


class MistralForm(Form):
    """Mistral needs nothing but a key."""

    base_url: Url = Field(default="https://api.mistral.ai/v1", title="URL")


class MistralHandler(Handler):
    """Mistral."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="mistral",
        label="Mistral",
        about="Mistral's models, with a key of console.mistral.ai.",
        form=MistralForm,
        icon="wind",
        modules=(("langchain_mistralai", "langchain-mistralai"),),
        price_id="mistral",
        hosts=("api.mistral.ai:443",),
    )
    chat_module: ClassVar[str] = "mistral_chat"

    @override
    async def list_models(self) -> Sequence[ProviderModel]:
        from app.backend.providers.adapters import mistral_chat

        connection = self.connection
        return await mistral_chat.list_models(
            self.address,
            self.key,
            connection.pools.transport(is_trusted=connection.is_trusted),
            remedy=connection.remedy,
        )

    @override
    def make(self, model: str, options: ChatOptions) -> BaseChatModel:
        from app.backend.providers.adapters import mistral_chat

        connection = self.connection
        transport = connection.pools.transport(is_trusted=connection.is_trusted)
        return mistral_chat.MistralChat(
            model_name=model,
            base_url=self.address,
            api_key=self.key,
            temperature=0.7 if options.temperature is None else options.temperature,
            top_p=options.top_p or 1,
            max_tokens=options.max_tokens,
            max_retries=0,
            async_client=mistral_chat.open_client(self.address, self.key, transport),
            remedy=connection.remedy,
        )

    @override
    async def embed(self, model: str, texts: Sequence[str]) -> Embedded:
        from app.backend.providers.adapters import mistral_chat

        connection = self.connection
        return await mistral_chat.embed(
            self.address,
            model,
            texts,
            key=self.key,
            transport=connection.pools.transport(is_trusted=connection.is_trusted),
            remedy=connection.remedy,
        )
