"""Anthropic, by its own protocol."""

from collections.abc import Sequence
from typing import ClassVar

from langchain_core.language_models import BaseChatModel
from pydantic import Field
from typing_extensions import override

from app.backend.providers.base import ChatOptions, ProviderModel
from app.backend.providers.handler import Form, Handler, TypeInfo, Url


class AnthropicForm(Form):
    """Anthropic needs nothing but a key."""

    base_url: Url = Field(
        default="https://api.anthropic.com",
        title="URL",
        description="Only changed for a proxy, or another service that speaks its protocol.",
    )


class AnthropicHandler(Handler):
    """Anthropic."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="anthropic",
        label="Anthropic",
        about="Claude models, with a key of console.anthropic.com.",
        form=AnthropicForm,
        key_hint="Begins with sk-ant-.",
        icon="feather",
        modules=(("langchain_anthropic", "langchain-anthropic"),),
        price_id="anthropic",
        hosts=("api.anthropic.com:443",),
    )
    chat_module: ClassVar[str] = "anthropic_chat"

    @override
    async def list_models(self) -> Sequence[ProviderModel]:
        from app.backend.providers.adapters import anthropic_chat

        connection = self.connection
        return await anthropic_chat.list_models(
            self.address,
            self.key,
            connection.pools.client(is_trusted=connection.is_trusted),
            remedy=connection.remedy,
        )

    @override
    def make(self, model: str, options: ChatOptions) -> BaseChatModel:
        from app.backend.providers.adapters.anthropic_chat import AnthropicChat

        connection = self.connection
        return AnthropicChat(
            model_name=model,
            base_url=self.address,
            api_key=self.key,
            temperature=options.temperature,
            top_p=options.top_p,
            max_tokens_to_sample=options.max_tokens,
            timeout=None,
            stop=None,
            max_retries=0,
            remedy=connection.remedy,
            http=connection.pools.client(is_trusted=connection.is_trusted),
        )
