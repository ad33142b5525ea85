"""The models that people have added, as runs and forms find them."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from app.backend.core import acting
from app.backend.core.actor import Actor
from app.backend.core.crypto import Keyring
from app.backend.core.db import Database, Session
from app.backend.core.errors import Invalid
from app.backend.core.settings import Settings
from app.backend.models import repository, service
from app.backend.models.chosen import ChosenModel, Prices
from app.backend.models.repository import Pair
from app.backend.models.schemas import (
    CapabilitiesDraft,
    DefaultKind,
    Environment,
    ModelKind,
    ModelView,
    ParametersDraft,
)
from app.backend.models.tables import ModelRow
from app.backend.providers import opened
from app.backend.providers import repository as provider_repository
from app.backend.providers import service as providers
from app.backend.providers.errors import ModelMissing
from app.backend.providers.handler import Handler
from app.backend.providers.opened import Opener
from app.backend.providers.registry import TYPES, find_type
from app.backend.providers.schemas import ProviderDraft
from app.backend.providers.tables import ProviderRow
from app.backend.secrets import service as secrets

_WRONG_KIND = {
    ModelKind.CHAT: "makes vectors and answers nothing. Choose a chat model.",
    ModelKind.EMBEDDING: "answers and makes no vectors. Choose an embedding model.",
}


class RowModels:
    """Finds models in the rows, and opens their providers."""

    def __init__(self, db: Database, settings: Settings, keyring: Keyring) -> None:
        self.opener = Opener(db, settings, keyring)
        self.environment = Environment(settings.environment)
        self._db = db
        self._settings = settings

    async def list(
        self, actor: Actor, *, kind: ModelKind = ModelKind.CHAT
    ) -> list[ModelView]:
        """Return the models of a kind and of this environment that are switched on and that `actor` may use."""
        async with self._reading(actor) as session:
            pairs = await repository.list_models(session, actor)
            all_rows = await provider_repository.list_providers(session, actor)
            default = await repository.find_default(
                session,
                actor,
                kind=DefaultKind(kind),
                environment=self.environment,
            )
        default_id = default[0].id if default else None
        meant = provider_repository.ids_meant(actor, all_rows)
        return [
            _view(actor, model, provider, is_default=model.id == default_id)
            for model, provider in pairs
            if model.is_enabled
            and provider.is_enabled
            and provider.id in meant
            and model.kind == kind
            and model.environment == self.environment
        ]

    async def default_name(self, actor: Actor) -> str:
        """Return what is used where no model is named: the default that was chosen, in a LAB else that of the settings.

        Raises:
            Invalid: this is no LAB, and no default is chosen.
        """
        async with self._reading(actor) as session:
            chosen = await service.chosen_default(
                session, actor, environment=self.environment
            )
        if not chosen and self.environment is not Environment.LAB:
            message = f"No default model is chosen for {self.environment}. Choose one under Models, or name a model."
            raise Invalid.field("model", message)
        return chosen or self._settings.default_model

    async def default_embedder(self, actor: Actor) -> str:
        """Return the embedding model that was chosen as default; empty where none was."""
        async with self._reading(actor) as session:
            return await service.chosen_default(
                session, actor, environment=self.environment, kind=DefaultKind.EMBEDDING
            )

    async def find(
        self,
        actor: Actor,
        name: str,
        *,
        run_id: UUID | None = None,
        kind: ModelKind = ModelKind.CHAT,
    ) -> ChosenModel:
        """Return the model of that name, with its provider opened.

        Raises:
            ModelMissing: the provider has no such model.
            AppError: it cannot be used; the message says why.
        """
        async with self._reading(actor) as session:
            model, provider = await _need(session, actor, name)
            facts = await opened.read_facts(session, provider)
        await _preload(provider.type)
        self._need_usable(model, name, kind)
        handler = await self.opener.open(facts, run_id=run_id)
        return _chosen(actor, model, provider, handler)

    async def context_window(self, actor: Actor, name: str) -> int | None:
        """Return the window of a model in tokens, when it is known.

        Raises:
            ModelMissing: there is no such model.
        """
        async with self._reading(actor) as session:
            model, provider = await _need(session, actor, name)
        can = CapabilitiesDraft.model_validate(model.capabilities)
        # Of Ollama it is asked in each request.
        return can.context_window or provider.settings.get("context")

    async def fallbacks(self, actor: Actor, name: str) -> Sequence[str]:
        """Return what the row of a model says is asked in its place; nothing where there is no such model."""
        try:
            async with self._reading(actor) as session:
                model, _ = await _need(session, actor, name)
        except ModelMissing:
            return []
        return model.fallbacks

    async def open_provider(self, actor: Actor, provider_id: UUID) -> Handler:
        """Return a provider that `actor` may change, for a look at what it offers; also one that is switched off.

        Raises:
            NotFound: there is none for the actor.
            AppError: its key cannot be read, or a library is missing.
        """
        async with self._reading(actor) as session:
            row = await providers.need_changeable(session, actor, provider_id)
            facts = await opened.read_facts(session, row, needs_enabled=False)
        await _preload(row.type)
        return await self.opener.open(facts)

    async def connect_draft(
        self, actor: Actor, draft: ProviderDraft, *, editing_id: UUID | None = None
    ) -> Handler:
        """Return the provider that a draft describes, to try it out before it is kept.

        Without a key of its own it takes that of the provider that is changed, or else of the actor's provider of that
        name, if there is one with these settings.

        Raises:
            NotFound: there is no such provider that the actor may change.
            Invalid: a field is wrong.
            AppError: its key cannot be read, or a library is missing.
        """
        settings = providers.check_draft(actor, draft, rules=self._settings)
        row = ProviderRow(
            owner_id=actor.user_id,
            name=draft.name,
            label=draft.label,
            type=draft.type,
            settings=settings,
        )
        key = draft.api_key
        if key is None or not key.get_secret_value().strip():
            if editing_id and not draft.secret_ref:
                kept = await self._unchanged(actor, editing_id, settings)
                if kept is not None:
                    return kept
            is_new = editing_id is None and not draft.secret_ref
            row.secret_ref = (
                await self._kept_key(actor, row) if is_new else draft.secret_ref
            )
            key = await self.opener.read_key(opened.Facts(row, actor))
        providers.need_key(row.type, has_key=key is not None)
        await _preload(row.type)
        return self.opener.connect(row, actor, key)

    async def tell_trouble(self, provider_id: UUID, trouble: str) -> None:
        """Keep why a provider turned us away, for who looks at the models; nothing, when it answers again."""
        if acting.current().is_reading:
            return
        # A shared provider is often somebody else's.
        with acting.as_system():
            async with self._db.transaction() as session:
                await provider_repository.note_trouble(session, provider_id, trouble)

    async def close(self) -> None:
        """Close the connections of all providers."""
        await self.opener.close()

    @asynccontextmanager
    async def _reading(self, actor: Actor) -> AsyncGenerator[Session, None]:
        # An agent's owner asks its model, whoever runs it.
        with acting.as_user(actor.user_id):
            async with self._db.read() as session:
                yield session

    async def _unchanged(
        self, actor: Actor, provider_id: UUID, settings: dict[str, Any]
    ) -> Handler | None:
        async with self._reading(actor) as session:
            kept = await providers.need_changeable(session, actor, provider_id)
        providers.keep_key_safe(kept, settings)
        is_same = kept.settings == settings
        return await self.open_provider(actor, provider_id) if is_same else None

    async def _kept_key(self, actor: Actor, row: ProviderRow) -> str:
        async with self._reading(actor) as session:
            kept = await provider_repository.find_own(session, actor, row.name)
        if kept is None or not kept.secret_ref:
            return ""
        providers.keep_key_safe(kept, row.settings)
        secrets.check_reference(actor, kept.secret_ref, settings=self._settings)
        return kept.secret_ref

    def _need_usable(self, model: ModelRow, name: str, kind: ModelKind) -> None:
        if not model.is_enabled:
            message = f"{name} is switched off. Switch it on under Models, or choose another model."
            raise Invalid.field("model", message)
        if model.kind != kind:
            raise Invalid.field("model", f"{name} {_WRONG_KIND[kind]}")
        if model.environment != self.environment:
            message = f"{name} is for {model.environment}, and this installation is {self.environment}. Choose another model, or change its environment under Models."
            raise Invalid.field("model", message)


async def _preload(key: str) -> None:
    # A library may take seconds to import at its first use, and others wait for this event loop.
    await asyncio.to_thread(find_type(key).preload)


async def _need(session: Session, actor: Actor, name: str) -> Pair:
    prefix, _, wanted = name.partition("/")
    provider = await provider_repository.find_named(session, actor, prefix)
    if provider is None:
        message = f"{name!r} is not a model: you have no provider {prefix!r}. Connect it under Models, or choose another model."
        raise ModelMissing(message)
    model = await repository.find_named(session, provider.id, wanted)
    if model is None:
        message = f"{provider.name} has no model {wanted!r} here. Add it under Models, or choose another."
        raise ModelMissing(message)
    return model, provider


def _chosen(
    actor: Actor, model: ModelRow, provider: ProviderRow, handler: Handler
) -> ChosenModel:
    can = CapabilitiesDraft.model_validate(model.capabilities)
    sent = ParametersDraft.model_validate(model.parameters)
    is_mine = actor.user_id == provider.owner_id and not provider.is_shared
    handler.check(model.name)
    return ChosenModel(
        name=service.full_name(model, provider),
        model=model.name,
        provider=handler,
        service=f"{provider.id}:{opened.mark_of(handler.connection.key)}",
        can_call_tools=can.tools,
        context_window=can.context_window or handler.window_of(model.name),
        prices=Prices(model.price_in, model.price_out, model.price_cached),
        top_p=sent.top_p,
        no_temperature=sent.no_temperature,
        provider_id=provider.id,
        model_id=model.id,
        had_trouble=bool(provider.trouble),
        address=handler.address,
        remedy="" if is_mine else "If it is not yours, ask its owner.",
    )


def _view(
    actor: Actor, model: ModelRow, provider: ProviderRow, *, is_default: bool
) -> ModelView:
    can = CapabilitiesDraft.model_validate(model.capabilities)
    info = TYPES[provider.type].info
    return ModelView(
        id=model.id,
        name=service.full_name(model, provider),
        provider=provider.name,
        provider_label=provider.label or info.label,
        context_window=can.context_window,
        can_call_tools=can.tools,
        is_default=is_default,
        is_demo=info.key == "scripted",
        note=provider.trouble if providers.may_change(actor, provider) else "",
        price_in=model.price_in,
        price_out=model.price_out,
    )
