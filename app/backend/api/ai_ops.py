"""Providers and models under the addresses and in the words of the first clients; what is kept is the same."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from app.backend.api.bodies import AsShown
from app.backend.api.deps import PartsDep, ReadDep, WriteDep, may
from app.backend.budgets import model_use
from app.backend.core.actor import Actor, Permission
from app.backend.core.texts import StorableDict, Text
from app.backend.middleware.service import warm_default
from app.backend.models import service as models
from app.backend.models.schemas import (
    CapabilitiesDraft,
    Environment,
    ModelChange,
    ModelDraft,
    ModelName,
    ModelRowView,
)
from app.backend.providers import service as providers
from app.backend.providers.registry import find_type
from app.backend.providers.schemas import ProviderDraft, ProviderName, ProviderView

router = APIRouter(prefix="/api/plugins/ai-ops", tags=["models, short form"])

SeesProviders = Annotated[Actor, may(Permission.VIEW_PROVIDER)]
SeesModels = Annotated[Actor, may(Permission.VIEW_MODEL)]


class LlmProviderDraft(BaseModel):
    """A provider: `config_schema` has its settings, and `secret` refers to its key, such as env:NAME."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ProviderName
    provider_type: Text = Field(max_length=40)
    config_schema: StorableDict = Field(default_factory=dict[str, Any])
    description: Text = Field(default="", max_length=100)
    is_enabled: bool | None = None
    api_key: SecretStr | None = None
    secret: Text = Field(default="", max_length=500)

    def draft(self) -> ProviderDraft:
        """Return the same in our words."""
        return ProviderDraft(
            type=self.provider_type,
            name=self.name,
            label=self.description,
            settings=self.config_schema,
            api_key=self.api_key,
            secret_ref=self.secret,
            is_enabled=self.is_enabled,
        )


class LlmProvider(BaseModel):
    """A provider; `handler_class` is what asks it."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    provider_type: str
    handler_class: str
    config_schema: dict[str, Any]
    description: str
    is_enabled: bool


class LlmProviders(BaseModel):
    """Providers."""

    count: int
    results: list[LlmProvider]


class LlmModelChange(BaseModel):
    """What can be changed of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: Environment | None = None
    is_default: bool = False
    is_enabled: bool = True
    supports_tools: bool = False
    context_window: int | None = Field(default=None, ge=256, le=100_000_000)

    def change(self) -> ModelChange:
        """Return the same in our words."""
        return ModelChange(
            environment=self.environment,
            is_default=self.is_default,
            is_enabled=self.is_enabled,
            capabilities=CapabilitiesDraft(
                tools=self.supports_tools, context_window=self.context_window
            ),
        )


class LlmModelDraft(LlmModelChange):
    """A model to be added to a provider."""

    provider: UUID
    name: ModelName


class LlmModel(BaseModel):
    """A model of a provider."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    provider: UUID
    environment: Environment
    is_default: bool
    is_enabled: bool
    supports_tools: bool
    context_window: int | None


class LlmModels(BaseModel):
    """Models."""

    count: int
    results: list[LlmModel]


@router.get("/llm-providers")
async def list_providers(actor: SeesProviders, session: ReadDep) -> LlmProviders:
    """List the providers that you may use."""
    views = await providers.list_providers(session, actor)
    return LlmProviders(count=len(views), results=[_provider(view) for view in views])


@router.post("/llm-providers", status_code=201)
async def create_provider(
    actor: Annotated[Actor, may(Permission.ADD_PROVIDER)],
    parts: PartsDep,
    session: WriteDep,
    draft: Annotated[LlmProviderDraft, AsShown(LlmProvider)],
) -> LlmProvider:
    """Connect a provider."""
    return _provider(
        await providers.create_provider(
            session, actor, draft=draft.draft(), parts=parts
        )
    )


@router.get("/llm-providers/{provider_id}")
async def show_provider(
    actor: SeesProviders, session: ReadDep, provider_id: UUID
) -> LlmProvider:
    """Return a provider."""
    view = await providers.get_provider(session, actor, provider_id=provider_id)
    return _provider(view)


@router.put("/llm-providers/{provider_id}")
async def update_provider(
    actor: Annotated[Actor, may(Permission.CHANGE_PROVIDER)],
    parts: PartsDep,
    session: WriteDep,
    provider_id: UUID,
    draft: Annotated[LlmProviderDraft, AsShown(LlmProvider)],
) -> LlmProvider:
    """Change a provider; it stays shared as it is."""
    view = await model_use.update_provider(
        session, actor, provider_id=provider_id, draft=draft.draft(), parts=parts
    )
    return _provider(view)


@router.delete("/llm-providers/{provider_id}", status_code=204)
async def delete_provider(
    actor: Annotated[Actor, may(Permission.DELETE_PROVIDER)],
    session: WriteDep,
    provider_id: UUID,
) -> None:
    """Delete a provider, unless its models are used."""
    await model_use.delete_provider(session, actor, provider_id=provider_id)


@router.get("/llm-models")
async def list_models(actor: SeesModels, session: ReadDep) -> LlmModels:
    """List the models that were added to providers."""
    views = await models.list_models(session, actor)
    return LlmModels(count=len(views), results=[_model(view) for view in views])


@router.post("/llm-models", status_code=201)
async def add_model(
    actor: Annotated[Actor, may(Permission.ADD_MODEL)],
    parts: PartsDep,
    session: WriteDep,
    draft: Annotated[LlmModelDraft, AsShown(LlmModel)],
) -> LlmModel:
    """Add a model to a provider."""
    wanted = ModelDraft(
        provider_id=draft.provider, name=draft.name, **draft.change().model_dump()
    )
    environment = Environment(parts.settings.environment)
    view = await models.add_model(session, actor, draft=wanted, environment=environment)
    warm_default(session, view, chains=parts.chains)
    return _model(view)


@router.get("/llm-models/{model_id}")
async def show_model(actor: SeesModels, session: ReadDep, model_id: UUID) -> LlmModel:
    """Return a model."""
    return _model(await models.get_model(session, actor, model_id=model_id))


@router.put("/llm-models/{model_id}")
async def update_model(
    actor: Annotated[Actor, may(Permission.CHANGE_MODEL)],
    parts: PartsDep,
    session: WriteDep,
    model_id: UUID,
    change: Annotated[LlmModelChange, AsShown(LlmModel)],
) -> LlmModel:
    """Change a model; prices and what else only we know stay as they are."""
    before = await models.get_model(session, actor, model_id=model_id)
    wanted = _keeping(before, change.change())
    view = await models.update_model(
        session,
        actor,
        model_id=model_id,
        change=wanted,
        environment=Environment(parts.settings.environment),
    )
    warm_default(session, view, chains=parts.chains)
    return _model(view)


@router.delete("/llm-models/{model_id}", status_code=204)
async def delete_model(
    actor: Annotated[Actor, may(Permission.DELETE_MODEL)],
    session: WriteDep,
    model_id: UUID,
) -> None:
    """Delete a model, unless it is used."""
    await model_use.delete_model(session, actor, model_id=model_id)


def _keeping(before: ModelRowView, change: ModelChange) -> ModelChange:
    told = change.capabilities
    known = {"tools": told.tools, "context_window": told.context_window}
    kept = {
        "kind": before.kind,
        "parameters": before.parameters,
        "price_in": before.price_in,
        "price_out": before.price_out,
        "price_cached": before.price_cached,
        "fallbacks": before.fallbacks,
        "is_cheap": before.is_cheap,
        "capabilities": {**before.capabilities, **known},
    }
    return ModelChange.model_validate({**change.model_dump(), **kept})


def _provider(view: ProviderView) -> LlmProvider:
    return LlmProvider(
        id=view.id,
        name=view.name,
        provider_type=view.type,
        handler_class=find_type(view.type).__name__,
        config_schema=view.settings,
        description=view.label,
        is_enabled=view.is_enabled,
    )


def _model(view: ModelRowView) -> LlmModel:
    return LlmModel(
        id=view.id,
        name=view.name,
        provider=view.provider_id,
        environment=view.environment,
        is_default=view.is_default,
        is_enabled=view.is_enabled,
        supports_tools=bool(view.capabilities.get("tools")),
        context_window=view.capabilities.get("context_window"),
    )
