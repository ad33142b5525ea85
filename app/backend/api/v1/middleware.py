"""Routes of what stands before models."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from app.backend.api.bodies import AsShown
from app.backend.api.deps import PartsDep, ReadDep, WriteDep, may
from app.backend.core.actor import Actor, Permission
from app.backend.middleware import service as middleware
from app.backend.middleware.registry import list_types as list_all_types
from app.backend.middleware.schemas import (
    MiddlewareChange,
    MiddlewareDraft,
    MiddlewareTypeView,
    MiddlewareView,
    OwnMiddlewareDraft,
)

router = APIRouter(prefix="/api/v1", tags=["models"])

Viewer = Annotated[Actor, may(Permission.VIEW_MODEL)]
Changer = Annotated[Actor, may(Permission.CHANGE_MODEL)]


class MiddlewareTypes(BaseModel):
    """Types of middlewares."""

    items: list[MiddlewareTypeView]
    next_cursor: None = None


class Middlewares(BaseModel):
    """Middlewares in their order."""

    items: list[MiddlewareView]
    next_cursor: None = None


@router.get("/middleware-types")
async def list_types(actor: Viewer) -> MiddlewareTypes:
    """List the types of middlewares, each with the JSON schema of its configuration."""
    del actor
    return MiddlewareTypes(items=list_all_types())


@router.get("/middleware")
async def list_middlewares(
    actor: Viewer, session: ReadDep, model: str = ""
) -> Middlewares:
    """List what stands before `model`, or before all models that you may use, in the order in which it acts."""
    if model:
        views = await middleware.list_of_model(session, actor, model=model)
    else:
        views = await middleware.list_middlewares(session, actor)
    return Middlewares(items=views)


@router.post("/middleware", status_code=201)
async def add_middleware(
    actor: Changer, parts: PartsDep, session: WriteDep, draft: MiddlewareDraft
) -> MiddlewareView:
    """Put a middleware before a model; it acts from the next question on."""
    return await middleware.add_middleware(
        session, actor, model=draft.model, draft=draft, chains=parts.chains
    )


@router.get("/middleware/{middleware_id}")
async def show_middleware(
    actor: Viewer, session: ReadDep, middleware_id: UUID
) -> MiddlewareView:
    """Return a middleware."""
    return await middleware.get_middleware(session, actor, middleware_id=middleware_id)


@router.put("/middleware/{middleware_id}")
async def change_middleware(
    actor: Changer,
    parts: PartsDep,
    session: WriteDep,
    middleware_id: UUID,
    change: Annotated[MiddlewareChange, AsShown(MiddlewareView)],
) -> MiddlewareView:
    """Change a middleware; its model and type stay."""
    return await middleware.change_middleware(
        session,
        actor,
        middleware_id=middleware_id,
        change=change,
        chains=parts.chains,
    )


@router.delete("/middleware/{middleware_id}", status_code=204)
async def delete_middleware(
    actor: Changer, parts: PartsDep, session: WriteDep, middleware_id: UUID
) -> None:
    """Take a middleware away."""
    await middleware.delete_middleware(
        session, actor, middleware_id=middleware_id, chains=parts.chains
    )


@router.get("/models/{model_id}/middleware")
async def list_of_model(actor: Viewer, session: ReadDep, model_id: UUID) -> Middlewares:
    """List what stands before a model that was added, in the order in which it acts."""
    views = await middleware.list_of_model(session, actor, model=model_id)
    return Middlewares(items=views)


@router.post("/models/{model_id}/middleware", status_code=201)
async def add_to_model(
    actor: Changer,
    parts: PartsDep,
    session: WriteDep,
    model_id: UUID,
    draft: OwnMiddlewareDraft,
) -> MiddlewareView:
    """Put a middleware before a model that was added."""
    return await middleware.add_middleware(
        session, actor, model=model_id, draft=draft, chains=parts.chains
    )
