"""Routes of providers: what people connect, how it answers, and what it offers."""

import json
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from app.backend.api.bodies import AsShown
from app.backend.api.deps import PartsDep, ReadDep, WriteDep, may
from app.backend.api.parts import ApiParts
from app.backend.budgets import model_use
from app.backend.core.actor import Actor, Permission
from app.backend.core.errors import AppError
from app.backend.models import checks
from app.backend.models import service as models
from app.backend.models.offers import list_offers
from app.backend.models.schemas import ModelName, OfferedModel
from app.backend.providers import forms
from app.backend.providers import service as providers
from app.backend.providers.handler import Handler
from app.backend.providers.schemas import (
    BuiltinView,
    ProviderDraft,
    ProviderView,
    TypeView,
)

router = APIRouter(prefix="/api/v1/providers", tags=["models"])

Viewer = Annotated[Actor, may(Permission.VIEW_PROVIDER)]
Adder = Annotated[Actor, may(Permission.ADD_PROVIDER)]
Changer = Annotated[Actor, may(Permission.CHANGE_PROVIDER)]


class ProviderList(BaseModel):
    """The providers of the rows, and those that the settings describe."""

    items: list[ProviderView]
    builtin: list[BuiltinView]
    next_cursor: None = None


class OfferList(BaseModel):
    """What a provider offers."""

    items: list[OfferedModel]
    next_cursor: None = None


class ProviderSwitch(BaseModel):
    """What is switched of a provider; what is left out stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    is_enabled: bool | None = None
    is_shared: bool | None = None


class ProviderTrial(BaseModel):
    """A provider to be tried out before it is kept, and with which of its models; empty: the cheapest listed that answers, and the cheapest that makes vectors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: ProviderDraft
    model: str = ""


class ModelTrial(BaseModel):
    """With which of its models a provider is tried out; empty: the cheapest listed that answers, and the cheapest that makes vectors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = ""


class ModelPull(BaseModel):
    """Which model is fetched."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: ModelName


@router.get("")
async def list_providers(
    actor: Viewer, parts: PartsDep, session: ReadDep
) -> ProviderList:
    """List the providers that you may use, by name."""
    views = await providers.list_providers(session, actor)
    return ProviderList(items=views, builtin=[*parts.models.builtin()])


@router.post("", status_code=201)
async def create_provider(
    actor: Adder, parts: PartsDep, session: WriteDep, draft: ProviderDraft
) -> ProviderView:
    """Connect a provider."""
    return await providers.create_provider(session, actor, draft=draft, parts=parts)


@router.get("/types")
async def list_types(actor: Viewer) -> list[TypeView]:
    """List the types of providers, each with the JSON schema of its settings."""
    return forms.list_types(actor)


@router.post("/test")
async def check_draft(
    actor: Adder, parts: PartsDep, trial: ProviderTrial
) -> StreamingResponse:
    """Try out a provider that is not kept yet: one JSON line for each stage, as it ends."""
    handler = await parts.models.need_rows().connect_draft(actor, trial.provider)
    return _told(handler, trial.model)


@router.get("/{provider_id}")
async def show_provider(
    actor: Viewer, session: ReadDep, provider_id: UUID
) -> ProviderView:
    """Return a provider."""
    return await providers.get_provider(session, actor, provider_id=provider_id)


@router.put("/{provider_id}")
async def update_provider(
    actor: Changer,
    parts: PartsDep,
    session: WriteDep,
    provider_id: UUID,
    draft: Annotated[ProviderDraft, AsShown(ProviderView)],
) -> ProviderView:
    """Change a provider; without a key it keeps the one that it has."""
    return await model_use.update_provider(
        session, actor, provider_id=provider_id, draft=draft, parts=parts
    )


@router.patch("/{provider_id}")
async def switch_provider(
    actor: Changer, session: WriteDep, provider_id: UUID, switch: ProviderSwitch
) -> ProviderView:
    """Switch a provider off or on, or let everybody use it, which administrators do."""
    view = await providers.get_provider(session, actor, provider_id=provider_id)
    if switch.is_enabled is not None:
        view = await providers.set_enabled(
            session, actor, provider_id=provider_id, is_enabled=switch.is_enabled
        )
    if switch.is_shared is not None:
        view = await model_use.share_with_all(
            session, actor, provider_id=provider_id, is_shared=switch.is_shared
        )
    return view


@router.delete("/{provider_id}", status_code=204)
async def delete_provider(
    actor: Annotated[Actor, may(Permission.DELETE_PROVIDER)],
    session: WriteDep,
    provider_id: UUID,
) -> None:
    """Delete a provider with its models, unless they are used."""
    await model_use.delete_provider(session, actor, provider_id=provider_id)


@router.post("/{provider_id}/test")
async def check_provider(
    actor: Changer, parts: PartsDep, provider_id: UUID, trial: ModelTrial
) -> StreamingResponse:
    """Try out a provider: one JSON line for each stage, as it ends."""
    handler = await parts.models.need_rows().open_provider(actor, provider_id)
    return _told(handler, trial.model)


@router.get("/{provider_id}/models")
async def list_offered(actor: Changer, parts: PartsDep, provider_id: UUID) -> OfferList:
    """List the models that a provider offers now, with window and prices where they are known."""
    handler = await parts.models.need_rows().open_provider(actor, provider_id)
    added = await _added(parts, actor, provider_id)
    return OfferList(items=await list_offers(handler, added=added))


@router.post("/{provider_id}/pull")
async def pull_model(
    actor: Changer, parts: PartsDep, provider_id: UUID, wanted: ModelPull
) -> StreamingResponse:
    """Let Ollama fetch a model: one JSON line for each step, and an `error` when it fails."""
    handler = await parts.models.need_rows().open_provider(actor, provider_id)
    progress = handler.pull(wanted.model)

    async def lines() -> AsyncIterator[str]:
        try:
            async for one in progress:
                yield one.model_dump_json() + "\n"
        except AppError as error:  # lint-skip: edge-catch - the answer has begun
            yield json.dumps({"error": error.message, "code": error.code}) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


async def _added(parts: ApiParts, actor: Actor, provider_id: UUID) -> set[str]:
    async with parts.db.read() as session:
        views = await models.list_models(session, actor, provider_id=provider_id)
    return {view.name for view in views}


def _told(handler: Handler, model: str) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        async for result in checks.check(handler, model=model):
            yield result.model_dump_json() + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")
