"""Azure OpenAI: models that somebody has deployed, by the name of the deployment."""

from collections.abc import Sequence
from typing import ClassVar

from langchain_core.language_models import BaseChatModel
from pydantic import Field
from typing_extensions import override

from app.backend.core.texts import Text
from app.backend.providers.base import ChatOptions, Embedded, ProviderModel
from app.backend.providers.handler import Form, Handler, TypeInfo, Url


class AzureForm(Form):
    """Where the deployments are."""

    base_url: Url = Field(
        title="Endpoint",
        description="As the portal shows it under Keys and Endpoint.",
        examples=["https://name.openai.azure.com"],
    )
    api_version: Text = Field(
        default="2024-10-21", title="API version", min_length=4, max_length=40
    )


class AzureHandler(Handler):
    """Azure OpenAI; a key cannot ask which deployments there are, so their names are written by hand."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="azure",
        label="Azure OpenAI",
        about="Your deployments in Azure; a model's name is that of its deployment.",
        form=AzureForm,
        icon="cloud",
        price_id="azure",
        hosts=("*.openai.azure.com:443",),
    )
    chat_module: ClassVar[str] = "openai_chat"

    @override
    async def list_models(self) -> Sequence[ProviderModel]:
        return []

    @override
    async def check_key(self) -> bool:
        return False

    @override
    def make(self, model: str, options: ChatOptions) -> BaseChatModel:
        from app.backend.providers.adapters.openai_chat import AzureChat

        connection = self.connection
        return AzureChat(
            azure_deployment=model,
            azure_endpoint=self.address,
            api_version=connection.settings.api_version,
            api_key=self.key,
            # Left out, it is taken from the environment, and goes before the key.
            azure_ad_token=None,
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
        return await openai_chat.embed_in_azure(
            model,
            texts,
            endpoint=self.address,
            api_version=connection.settings.api_version,
            api_key=self.key,
            http=connection.pools.client(is_trusted=connection.is_trusted),
            remedy=connection.remedy,
        )
