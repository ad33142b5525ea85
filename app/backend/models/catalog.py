"""Every model that an agent can name, and the way from the name to the model."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from langchain_core.language_models import BaseChatModel
from redis.asyncio import Redis

from app.backend.core.actor import Actor
from app.backend.core.crypto import Keyring
from app.backend.core.db import Database
from app.backend.core.errors import Invalid
from app.backend.core.settings import Settings
from app.backend.models.capabilities import find_capabilities
from app.backend.models.chosen import ChosenModel, OpenEmbedder, OpenModel
from app.backend.models.local import open_shelf
from app.backend.models.request import Before, Caller, Chains
from app.backend.models.rows import RowModels
from app.backend.models.schemas import ModelKind, ModelView
from app.backend.providers.base import ChatOptions, Provider, ProviderModel
from app.backend.providers.breaker import Breaker
from app.backend.providers.errors import (
    ModelBusy,
    ModelKeyRejected,
    ModelMissing,
    ModelRefused,
    ModelUnavailable,
)
from app.backend.providers.opened import ProviderOff
from app.backend.providers.registry import make_providers
from app.backend.providers.schemas import BuiltinView

_DEMO = "scripted"
# Who asks the runtime waits until it is there, and a script is never away.
OWN = frozenset({"local", _DEMO})
_UNLISTABLE = (
    ModelUnavailable,
    ModelKeyRejected,
    ModelRefused,
    ModelMissing,
    ModelBusy,
)
_CACHED_MAX = 100


class ModelCatalog:
    """Lists models and opens them; a model is made once per name and options, for its clients are costly.

    `fallback` is asked in the place of one that does not answer, if it is set; `silence` is for how many seconds a
    service may say nothing. `rows` are what people have connected, and `chains` what stands before the models.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        *,
        default: str,
        fallback: str = "",
        breaker: Breaker | None = None,
        rows: RowModels | None = None,
        chains: Chains | None = None,
        silence: float | None = None,
    ) -> None:
        self.default = default
        self.fallback = fallback
        self.silence = silence
        self.rows = rows
        self._providers = providers
        self._breaker = breaker
        self._chains = chains
        self._made: dict[tuple[Provider, str, ChatOptions], BaseChatModel] = {}

    async def list(self, actor: Actor | None = None) -> list[ModelView]:
        """Return the models of all configured providers, and those that `actor` may use; the default first."""
        configured = [
            provider for provider in self._providers.values() if provider.is_configured
        ]
        found = await asyncio.gather(
            *(self._list_of(provider) for provider in configured)
        )
        views = [view for views in found for view in views]
        if self.rows is not None and actor is not None:
            rows = await self.rows.list(actor)
            if any(view.is_default for view in rows):
                views = [
                    view.model_copy(update={"is_default": False}) for view in views
                ]
            views += rows
        return sorted(views, key=lambda view: (not view.is_default, view.is_demo))

    def get(
        self, name: str, *, temperature: float = 0.0, max_tokens: int = 200
    ) -> BaseChatModel:
        """Return the model called `provider/model` of a provider of the settings; an empty name means their default.

        It asks no rows, so it waits for nothing: what LAB means by a model.

        Raises:
            Invalid: the provider is unknown or not configured, or the name is incomplete.
            ModelMissing: the provider has no such model.
        """
        options = ChatOptions(temperature=temperature, max_tokens=max_tokens)
        return self._make(self._of_settings(name or self.default), options)

    async def find(
        self, actor: Actor, name: str, *, run_id: UUID | None = None
    ) -> ChosenModel:
        """Return the model called `provider/model`, as `actor` may use it; an empty name means their default one.

        Raises:
            Invalid: there is no such provider, or the model is not for chats or not for this environment.
            ModelMissing: the provider has no such model.
            ProviderOff: the provider is switched off.
        """
        wanted = await self.default_name(actor, name)
        if self.rows is None or self._is_of_settings(wanted):
            return self._of_settings(wanted)
        return await self.rows.find(actor, wanted, run_id=run_id)

    async def open(
        self,
        actor: Actor,
        name: str,
        *,
        options: ChatOptions,
        tools: Sequence[dict[str, Any]] | None = None,
        caller: Caller | None = None,
    ) -> OpenModel:
        """Return the model ready to be asked, with tools to choose from; None where it is not to choose any.

        It is opened as `actor` may use it; who asks it may be another `caller`.

        Raises:
            AppError: as `find`, or its key cannot be read, or it cannot choose tools.
        """
        caller = caller or Caller(actor)
        chosen = await self.find(actor, name, run_id=caller.run_id)
        if tools is not None:
            chosen.need_tools()
        chain = None
        if self._chains is not None:
            chain = await self._chains.find(chosen.name, chosen.model_id)
        is_own = chosen.provider_id is None and chosen.service in OWN
        return OpenModel(
            chosen=chosen,
            chat=self._make(chosen, options),
            tools=tools,
            before=Before(chain, caller, options) if chain else None,
            breaker=None if is_own else self._breaker,
            tell_trouble=self.rows.tell_trouble if self.rows else None,
            silence=None if is_own else self.silence,
        )

    async def open_embedder(self, actor: Actor, name: str) -> OpenEmbedder:
        """Return the model called `provider/model`, which makes vectors, ready to be asked as `actor` may use it.

        Raises:
            AppError: it is not there, cannot be used, or makes no vectors; or its key cannot be read.
        """
        rows = self.need_rows()
        chosen = await rows.find(actor, name, kind=ModelKind.EMBEDDING)
        return OpenEmbedder(chosen, self._breaker, rows.tell_trouble)

    async def check_embedder(self, actor: Actor, name: str) -> None:
        """Refuse a name that leads to no model which makes vectors.

        Raises:
            Invalid: it is so.
        """
        try:
            await self.open_embedder(actor, name)
        except (Invalid, ModelMissing, ProviderOff) as error:
            raise Invalid.field("embedding_model", error.message) from None

    async def check(
        self, actor: Actor, name: str, *, field: str = "model"
    ) -> ChosenModel:
        """Return what `find` does, for a form: a model that is not there is a wrong field.

        Raises:
            Invalid: the name leads nowhere.
        """
        try:
            return await self.find(actor, name)
        except (Invalid, ModelMissing, ProviderOff) as error:
            raise Invalid.field(field, error.message) from None

    async def context_window(self, actor: Actor, name: str) -> int | None:
        """Return the window of the model in tokens, when it is known; of the default where it is not there.

        It asks nobody, and needs no key.
        """
        wanted = await self.default_name(actor, name)
        if self.rows is None or self._is_of_settings(wanted):
            return self._of_settings(wanted).context_window
        try:
            return await self.rows.context_window(actor, wanted)
        except ModelMissing:
            default = await self.default_name(actor)
            return (
                None if default == wanted else await self.context_window(actor, default)
            )

    async def default_name(self, actor: Actor, named: str = "") -> str:
        """Return the model that is `named`, or where none is the one that is used then.

        Raises:
            Invalid: none is named, this is no LAB, and no default is chosen.
        """
        if named.strip() or self.rows is None:
            return named.strip() or self.default
        return await self.rows.default_name(actor)

    async def fallbacks(
        self, actor: Actor, name: str, *, named: Sequence[str] = ()
    ) -> Sequence[str]:
        """Return the models that are asked in turn in the place of one: those `named`, else its row's, else the settings'."""
        if named:
            return named
        is_row = self.rows is not None and not self._is_of_settings(name)
        own = await self.need_rows().fallbacks(actor, name) if is_row else []
        return own or ([self.fallback] if self.fallback else [])

    def need_rows(self) -> RowModels:
        """Return the models of the rows.

        Raises:
            Invalid: this catalog knows the settings only.
        """
        if self.rows is None:
            message = "Providers cannot be connected here."
            raise Invalid.field("provider", message)
        return self.rows

    def builtin(self) -> Sequence[BuiltinView]:
        """Return the providers that the settings describe."""
        return [
            BuiltinView(
                name=provider.name,
                label=provider.label,
                is_configured=provider.is_configured,
                how_to_configure=provider.how_to_configure,
            )
            for provider in self._providers.values()
        ]

    async def close(self) -> None:
        """Close the connections of all providers."""
        for provider in self._providers.values():
            await provider.close()
        if self.rows is not None:
            await self.rows.close()

    def _make(self, chosen: ChosenModel, options: ChatOptions) -> BaseChatModel:
        asked = chosen.options(options)
        key = (chosen.provider, chosen.model, asked)
        if key not in self._made:
            if len(self._made) >= _CACHED_MAX:
                self._made.clear()
            self._made[key] = chosen.provider.make(chosen.model, asked)
        return self._made[key]

    def _is_of_settings(self, name: str) -> bool:
        prefix, _, model = name.partition("/")
        return prefix in self._providers or not model

    def _of_settings(self, name: str) -> ChosenModel:
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
        provider.check(model)
        return ChosenModel(
            name=name,
            model=model,
            provider=provider,
            service=prefix,
            can_call_tools=find_capabilities(name).can_call_tools,
            context_window=provider.window_of(model),
        )

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


def open_catalog(
    settings: Settings,
    db: Database,
    keyring: Keyring,
    redis: Redis | None = None,
    chains: Chains | None = None,
) -> ModelCatalog:
    """Return the catalog of the settings and of the rows; with `redis` all processes know which services are away."""
    return make_catalog(
        settings,
        runtime_token=keyring.token("runtime"),
        breaker=Breaker(redis) if redis is not None else None,
        rows=RowModels(db, settings, keyring),
        chains=chains,
    )


def make_catalog(
    settings: Settings,
    *,
    runtime_token: str,
    breaker: Breaker | None = None,
    rows: RowModels | None = None,
    chains: Chains | None = None,
) -> ModelCatalog:
    """Return the catalog that the settings describe, with `rows` also of what people have added."""
    local = ProviderModel(settings.local_model_name, settings.local_model_context)
    shelf = open_shelf(settings)

    def added() -> list[ProviderModel]:
        most = settings.local_model_context
        return [
            ProviderModel(file.name, min(file.context or most, most))
            for file in shelf.list()
            if not file.reason
        ]

    providers = make_providers(
        settings, runtime_token=runtime_token, local_model=local, added=added
    )
    return ModelCatalog(
        providers,
        default=settings.default_model,
        fallback=settings.fallback_model,
        breaker=breaker,
        rows=rows,
        chains=chains,
        silence=settings.model_silence_seconds,
    )
