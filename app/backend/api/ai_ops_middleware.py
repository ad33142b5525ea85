"""Middlewares under the addresses and in the words of the first clients; what is kept is the same."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.backend.api.bodies import AsShown
from app.backend.api.deps import PartsDep, ReadDep, WriteDep, may
from app.backend.core.actor import Actor, Permission
from app.backend.core.errors import NotFound
from app.backend.core.texts import StorableDict, Text
from app.backend.middleware import service as middleware
from app.backend.middleware.registry import list_types as list_all_types
from app.backend.middleware.schemas import (
    MiddlewareChange,
    MiddlewareTypeView,
    MiddlewareView,
    OwnMiddlewareDraft,
    Priority,
)

router = APIRouter(prefix="/api/plugins/ai-ops", tags=["models, short form"])

Viewer = Annotated[Actor, may(Permission.VIEW_MODEL)]
Changer = Annotated[Actor, may(Permission.CHANGE_MODEL)]


class MiddlewareType(BaseModel):
    """A type of middleware; `config_schema` is what its configuration looks like."""

    model_config = ConfigDict(frozen=True)

    name: str
    description: str
    is_custom: bool
    default_priority: int
    config_schema: dict[str, Any]


class MiddlewareTypeList(BaseModel):
    """Types of middlewares."""

    count: int
    results: list[MiddlewareType]


class LlmMiddlewareChange(BaseModel):
    """What can be changed of a middleware."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    priority: Priority | None = None
    config: StorableDict = Field(default_factory=dict[str, Any])
    is_active: bool = True
    is_critical: bool = False

    def change(self) -> MiddlewareChange:
        """Return the same in our words."""
        kept = set(MiddlewareChange.model_fields)
        return MiddlewareChange.model_validate(self.model_dump(include=kept))


class LlmMiddlewareDraft(LlmMiddlewareChange):
    """A middleware to be put before a model that was added; `middleware` is the name of its type."""

    llm_model: UUID
    middleware: Text = Field(min_length=1, max_length=40)


class LlmMiddleware(BaseModel):
    """A middleware; a model of the settings has a name, and no id."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    llm_model: UUID | None
    llm_model_name: str
    middleware: str
    priority: int
    config: dict[str, Any]
    is_active: bool
    is_critical: bool


class LlmMiddlewareList(BaseModel):
    """Middlewares in their order."""

    count: int
    results: list[LlmMiddleware]


@router.get("/middleware-types")
async def list_types(actor: Viewer) -> MiddlewareTypeList:
    """List the types of middlewares: those of the product, and those of installed packages."""
    del actor
    found = [_type(view) for view in list_all_types()]
    return MiddlewareTypeList(count=len(found), results=found)


@router.get("/middleware-types/{name}")
async def show_type(actor: Viewer, name: str) -> MiddlewareType:
    """Return a type of middleware."""
    del actor
    for view in list_all_types():
        if view.key == name:
            return _type(view)
    raise NotFound("type of middleware", name)


@router.get("/llm-middleware")
async def list_middlewares(actor: Viewer, session: ReadDep) -> LlmMiddlewareList:
    """List what stands before the models that you may use, in the order in which it acts."""
    views = await middleware.list_middlewares(session, actor)
    return LlmMiddlewareList(count=len(views), results=[_shown(one) for one in views])


@router.post("/llm-middleware", status_code=201)
async def add_middleware(
    actor: Changer,
    parts: PartsDep,
    session: WriteDep,
    draft: Annotated[LlmMiddlewareDraft, AsShown(LlmMiddleware)],
) -> LlmMiddleware:
    """Put a middleware before a model."""
    wanted = OwnMiddlewareDraft(type=draft.middleware, **draft.change().model_dump())
    view = await middleware.add_middleware(
        session, actor, model=draft.llm_model, draft=wanted, chains=parts.chains
    )
    return _shown(view)


@router.get("/llm-middleware/{middleware_id}")
async def show_middleware(
    actor: Viewer, session: ReadDep, middleware_id: UUID
) -> LlmMiddleware:
    """Return a middleware."""
    return _shown(
        await middleware.get_middleware(session, actor, middleware_id=middleware_id)
    )


@router.put("/llm-middleware/{middleware_id}")
async def change_middleware(
    actor: Changer,
    parts: PartsDep,
    session: WriteDep,
    middleware_id: UUID,
    change: Annotated[LlmMiddlewareChange, AsShown(LlmMiddleware)],
) -> LlmMiddleware:
    """Change a middleware; its model and type stay."""
    view = await middleware.change_middleware(
        session,
        actor,
        middleware_id=middleware_id,
        change=change.change(),
        chains=parts.chains,
    )
    return _shown(view)


@router.delete("/llm-middleware/{middleware_id}", status_code=204)
async def delete_middleware(
    actor: Changer, parts: PartsDep, session: WriteDep, middleware_id: UUID
) -> None:
    """Take a middleware away."""
    await middleware.delete_middleware(
        session, actor, middleware_id=middleware_id, chains=parts.chains
    )


def _type(view: MiddlewareTypeView) -> MiddlewareType:
    return MiddlewareType(
        name=view.key,
        description=view.about,
        is_custom=view.is_custom,
        default_priority=view.priority,
        config_schema=view.config_schema,
    )


def _shown(view: MiddlewareView) -> LlmMiddleware:
    return LlmMiddleware(
        id=view.id,
        llm_model=view.model_id,
        llm_model_name=view.model,
        middleware=view.type,
        priority=view.priority,
        config=view.config,
        is_active=view.is_active,
        is_critical=view.is_critical,
    )
