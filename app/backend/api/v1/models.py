"""Routes of models."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from app.backend.api.bodies import AsShown
from app.backend.api.deps import PartsDep, ReadDep, WriteDep, may
from app.backend.budgets import model_use
from app.backend.core.actor import Actor, Permission
from app.backend.core.errors import AppError
from app.backend.middleware.service import warm_default
from app.backend.models import local, shelving
from app.backend.models import service as models
from app.backend.models.local import LocalView
from app.backend.models.preparing import FileDraft
from app.backend.models.schemas import (
    Environment,
    ModelChange,
    ModelDraft,
    ModelRowView,
    ModelView,
)

router = APIRouter(prefix="/api/v1/models", tags=["models"])

Changer = Annotated[Actor, may(Permission.CHANGE_MODEL)]
SystemChanger = Annotated[Actor, may(Permission.CHANGE_SYSTEM)]


class ModelList(BaseModel):
    """The models that agents can use."""

    items: list[ModelView]
    next_cursor: None = None


class AddedModels(BaseModel):
    """The models that people have added."""

    items: list[ModelRowView]
    next_cursor: None = None


class LocalModels(BaseModel):
    """The model files on this machine."""

    items: list[LocalView]
    next_cursor: None = None


class ModelSwitch(BaseModel):
    """What is switched of a model; what is left out stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    is_enabled: bool | None = None
    is_default: bool | None = None
    is_cheap: bool | None = None


@router.get("")
async def list_models(
    actor: Annotated[Actor, may(Permission.VIEW_AGENT)], parts: PartsDep
) -> ModelList:
    """List the models that agents can use, the default first."""
    return ModelList(items=await parts.models.list(actor))


@router.post("", status_code=201)
async def add_model(
    actor: Annotated[Actor, may(Permission.ADD_MODEL)],
    parts: PartsDep,
    session: WriteDep,
    draft: ModelDraft,
) -> ModelRowView:
    """Add a model to a provider."""
    environment = Environment(parts.settings.environment)
    view = await models.add_model(session, actor, draft=draft, environment=environment)
    warm_default(session, view, chains=parts.chains)
    return view


@router.get("/added")
async def list_added(
    actor: Annotated[Actor, may(Permission.VIEW_MODEL)], session: ReadDep
) -> AddedModels:
    """List the models that were added to providers, also those that are switched off, with all that is known."""
    return AddedModels(items=await models.list_models(session, actor))


@router.get("/local", dependencies=[may(Permission.VIEW_MODEL)])
async def list_local(parts: PartsDep) -> LocalModels:
    """List the model files on this machine: size, licence, source, speed, and why one cannot be loaded."""
    return LocalModels(items=local.list_local(parts.settings))


@router.post("/local")
async def add_local(
    actor: SystemChanger, parts: PartsDep, draft: FileDraft
) -> StreamingResponse:
    """Add a model file: one JSON line for each step, then the `model`, or an `error` when it fails."""

    async def lines() -> AsyncIterator[str]:
        steps = shelving.add_file(
            actor, draft=draft, settings=parts.settings, db=parts.db
        )
        try:
            async with aclosing(steps):
                async for step in steps:
                    if isinstance(step, LocalView):
                        yield json.dumps({"model": step.model_dump(mode="json")}) + "\n"
                    else:
                        yield step.model_dump_json() + "\n"
        except AppError as error:  # lint-skip: edge-catch - the answer has begun
            yield json.dumps({"error": error.message, "code": error.code}) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@router.post("/local/{name}/measure")
async def measure_local(actor: SystemChanger, parts: PartsDep, name: str) -> LocalView:
    """Load a model file, and keep how fast it is here, or why it cannot be loaded."""
    return await shelving.measure_file(actor, name=name, settings=parts.settings)


@router.delete("/local/{name}", status_code=204)
async def delete_local(
    actor: SystemChanger, parts: PartsDep, session: WriteDep, name: str
) -> None:
    """Take a model file out; one that was fetched is deleted from the disk."""
    shelving.delete_file(session, actor, name=name, settings=parts.settings)


@router.get("/{model_id}")
async def show_model(
    actor: Annotated[Actor, may(Permission.VIEW_MODEL)],
    session: ReadDep,
    model_id: UUID,
) -> ModelRowView:
    """Return a model that was added."""
    return await models.get_model(session, actor, model_id=model_id)


@router.put("/{model_id}")
async def update_model(
    actor: Changer,
    parts: PartsDep,
    session: WriteDep,
    model_id: UUID,
    change: Annotated[ModelChange, AsShown(ModelRowView)],
) -> ModelRowView:
    """Change what is known of a model."""
    view = await models.update_model(
        session,
        actor,
        model_id=model_id,
        change=change,
        environment=Environment(parts.settings.environment),
    )
    warm_default(session, view, chains=parts.chains)
    return view


@router.patch("/{model_id}")
async def switch_model(
    actor: Changer,
    parts: PartsDep,
    session: WriteDep,
    model_id: UUID,
    switch: ModelSwitch,
) -> ModelRowView:
    """Switch a model off or on, or make it the default of its kind, or the one where a cheap answer is enough."""
    view = await models.get_model(session, actor, model_id=model_id)
    if switch.is_enabled is not None:
        view = await models.set_enabled(
            session, actor, model_id=model_id, is_enabled=switch.is_enabled
        )
    if switch.is_default is not None:
        view = await models.set_default(
            session, actor, model_id=model_id, is_default=switch.is_default
        )
        warm_default(session, view, chains=parts.chains)
    if switch.is_cheap is not None:
        view = await models.set_cheap(
            session, actor, model_id=model_id, is_cheap=switch.is_cheap
        )
    return view


@router.delete("/{model_id}", status_code=204)
async def delete_model(
    actor: Annotated[Actor, may(Permission.DELETE_MODEL)],
    session: WriteDep,
    model_id: UUID,
) -> None:
    """Delete a model, unless it is used."""
    await model_use.delete_model(session, actor, model_id=model_id)
