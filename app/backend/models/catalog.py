"""Every model that an agent can name, and the way from the name to the model."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from langchain_core.language_models import BaseChatModel
from redis.asyncio import Redis

from app.backend.core.errors import Invalid
from app.backend.core.settings import Settings
from app.backend.models.capabilities import find_capabilities
from app.backend.models.schemas import ModelView
from app.backend.providers.base import ChatOptions, Provider, ProviderModel
from app.backend.providers.breaker import Breaker
from app.backend.providers.errors import (
    ModelBusy,
    ModelKeyRejected,
    ModelMissing,
    ModelRefused,
    ModelUnavailable,
)
from app.backend.providers.registry import make_providers

_DEMO = "scripted"
# Who asks the runtime waits until it is there, and a script is never away.
_OWN = frozenset({"local", _DEMO})
_UNLISTABLE = (
    ModelUnavailable,
    ModelKeyRejected,
    ModelRefused,
    ModelMissing,
    ModelBusy,
)
_CACHED_MAX = 100


class ModelCatalog:
    """Lists models and makes them; a model is made once per name and options, for its clients are costly.

    `fallback` is asked in the place of one that does not answer, if it is set.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        *,
        default: str,
        fallback: str = "",
        breaker: Breaker | None = None,
    ) -> None:
        self.default = default
        self.fallback = fallback
        self._providers = providers
        self._breaker = breaker
        self._made: dict[tuple[str, ChatOptions], BaseChatModel] = {}

    async def list(self) -> list[ModelView]:
        """Return the models of all configured providers, the default first."""
        configured = [
            provider for provider in self._providers.values() if provider.is_configured
        ]
        found = await asyncio.gather(
            *(self._list_of(provider) for provider in configured)
        )
        views = [view for views in found for view in views]
        return sorted(views, key=lambda view: (not view.is_default, view.is_demo))

    def get(
        self, name: str, *, temperature: float = 0.0, max_tokens: int = 200
    ) -> BaseChatModel:
        """Return the model called `provider/model`; an empty name means the default.

        Raises:
            Invalid: the provider is unknown or not configured, or the name is incomplete.
            ModelMissing: the provider has no such model.
        """
        options = ChatOptions(temperature=temperature, max_tokens=max_tokens)
        key = (name or self.default, options)
        if key not in self._made:
            provider, model = self._resolve(key[0])
            if len(self._made) >= _CACHED_MAX:
                self._made.clear()
            self._made[key] = provider.make(model, options)
        return self._made[key]

    def asking(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold while the model is asked, so that a service which does not answer is left alone after a while.

        Raises:
            ServicePaused: it is left alone now.
        """
        service = (name or self.default).partition("/")[0]
        if self._breaker is None or service in _OWN:
            return nullcontext()
        return self._breaker.asking(service)

    def check(self, name: str) -> None:
        """Raise what `get` would raise for `name`."""
        provider, model = self._resolve(name or self.default)
        provider.check(model)

    async def context_window(self, name: str) -> int | None:
        """Return the window of the model in tokens, when it is known; asks nobody."""
        provider, model = self._resolve(name or self.default)
        return provider.window_of(model)

    async def close(self) -> None:
        """Close the connections of all providers."""
        for provider in self._providers.values():
            await provider.close()

    def _resolve(self, name: str) -> tuple[Provider, str]:
        prefix, _, model = name.partition("/")
        provider = self._providers.get(prefix)
        if provider is None or not model:
            known = ", ".join(f"{known}/<model>" for known in self._providers)
            raise Invalid.field("model", f"{name!r} is not a model. Write {known}.")
        if not provider.is_configured:
            raise Invalid.field(
                "model",
                f"{name!r} needs a setting that is empty. {provider.how_to_configure}",
            )
        return provider, model

    async def _list_of(self, provider: Provider) -> Sequence[ModelView]:
        try:
            models = await provider.list_models()
        except _UNLISTABLE as error:
            return [
                ModelView(
                    name=f"{provider.name}/",
                    provider=provider.name,
                    provider_label=provider.label,
                    is_available=False,
                    note=error.message,
                )
            ]
        return [self._view(provider, model) for model in models]

    def _view(self, provider: Provider, model: ProviderModel) -> ModelView:
        name = f"{provider.name}/{model.name}"
        known = find_capabilities(name)
        return ModelView(
            name=name,
            provider=provider.name,
            provider_label=provider.label,
            context_window=model.context,
            can_call_tools=known.can_call_tools,
            is_default=name == self.default,
            is_demo=provider.name == _DEMO,
            note=known.note,
        )


def make_catalog(
    settings: Settings, *, runtime_token: str, redis: Redis | None = None
) -> ModelCatalog:
    """Return the catalog that the settings describe; with `redis` all processes know which services are away."""
    local = ProviderModel(settings.local_model_name, settings.local_model_context)
    providers = make_providers(settings, runtime_token=runtime_token, local_model=local)
    return ModelCatalog(
        providers,
        default=settings.default_model,
        fallback=settings.fallback_model,
        breaker=Breaker(redis) if redis is not None else None,
    )
