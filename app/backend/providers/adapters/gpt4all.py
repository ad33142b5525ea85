"""The local model, which the runtime process holds in GPT4All."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from langchain_core.language_models import BaseChatModel
from pydantic import Field, SecretStr
from typing_extensions import override

from app.backend.providers.base import ChatOptions, Embedded, ProviderModel
from app.backend.providers.errors import ModelMissing
from app.backend.providers.handler import Form, Handler, TypeInfo, Url

if TYPE_CHECKING:
    from openai import DefaultAsyncHttpxClient


class LocalProvider:
    """`local/<model>`: what the runtime can load, one model at a time; `added` are those beside its own."""

    name = "local"
    label = "On this machine"
    how_to_configure = "Start the runtime with `atelier up`."
    is_configured = True

    def __init__(
        self,
        *,
        url: str,
        token: str,
        model: ProviderModel,
        added: Callable[[], Sequence[ProviderModel]] = list[ProviderModel],
    ) -> None:
        self._url = f"{url.rstrip('/')}/v1"
        self._token = SecretStr(token)
        self._model = model
        self._added = added

    async def list_models(self) -> Sequence[ProviderModel]:
        """Return the models; whether the runtime is up is the dashboard's matter."""
        return [self._model, *self._added()]

    def check(self, model: str) -> None:
        """Raise ModelMissing unless `model` is one of them."""
        if model != self._model.name and self._find(model) is None:
            message = f"The local model here is {self._model.name!r}, not {model!r}. Choose local/{self._model.name} in the agent."
            raise ModelMissing(message)

    def make(self, model: str, options: ChatOptions) -> BaseChatModel:
        """Return the local model."""
        from app.backend.providers.adapters.runtime_chat import RuntimeChat

        self.check(model)
        return RuntimeChat(
            model=model,
            base_url=self._url,
            api_key=self._token,
            temperature=options.temperature,
            max_completion_tokens=options.max_tokens,
            http_async_client=self._http,
            max_retries=0,
            streaming=True,
            stream_usage=True,
            stream_chunk_timeout=None,
            use_responses_api=False,
        )

    def window_of(self, model: str) -> int | None:
        """Return the window that the runtime gives it."""
        return (self._find(model) or self._model).context

    def _find(self, model: str) -> ProviderModel | None:
        return next((one for one in self._added() if one.name == model), None)

    async def close(self) -> None:
        """Close the connections."""
        if "_http" in vars(self):
            await self._http.aclose()

    @cached_property
    def _http(self) -> "DefaultAsyncHttpxClient":
        from app.backend.providers.adapters.openai_chat import open_client

        # A question may wait long for its turn; only the connection must come at once.
        return open_client(seconds=None, connect_seconds=3, is_proxied=False)


class RuntimeForm(Form):
    """Where the runtime of another installation is."""

    base_url: Url = Field(
        title="URL of the runtime",
        description="Of another installation of Atelier; the model of this one needs no provider.",
        examples=["http://192.168.1.20:8001"],
    )


class RuntimeHandler(Handler):
    """The local model of another installation, which its runtime holds in GPT4All."""

    info: ClassVar[TypeInfo] = TypeInfo(
        key="gpt4all",
        label="GPT4All (runtime)",
        about="The local model of another installation of Atelier.",
        form=RuntimeForm,
        key_hint="An API key of that installation.",
        icon="server",
        is_local=True,
    )
    chat_module: ClassVar[str] = "runtime_chat"

    @override
    async def list_models(self) -> Sequence[ProviderModel]:
        from app.backend.providers.adapters import openai_chat

        connection = self.connection
        return await openai_chat.list_models(
            base_url=self._url,
            api_key=self.key,
            http=connection.pools.client(is_trusted=connection.is_trusted),
            remedy=connection.remedy,
        )

    @override
    def make(self, model: str, options: ChatOptions) -> BaseChatModel:
        from app.backend.providers.adapters.runtime_chat import RuntimeChat

        connection = self.connection
        return RuntimeChat(
            model=model,
            base_url=self._url,
            api_key=self.key,
            temperature=options.temperature,
            max_completion_tokens=options.max_tokens,
            http_async_client=connection.pools.client(is_trusted=connection.is_trusted),
            max_retries=0,
            streaming=True,
            stream_usage=True,
            stream_chunk_timeout=None,
            # Only our own runtime is known to start again by itself.
            reconnect_seconds=0,
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
            base_url=self._url,
            api_key=self.key,
            http=connection.pools.client(is_trusted=connection.is_trusted),
            remedy=connection.remedy,
        )

    @property
    def _url(self) -> str:
        return f"{self.address}/v1"
