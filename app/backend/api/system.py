"""Routes of the installation itself: health and version, open to all."""

import asyncio
from datetime import timedelta
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from app.backend.api.deps import PartsDep, may
from app.backend.api.health import Health, SystemHealth, check_for, check_parts
from app.backend.api.parts import ApiParts
from app.backend.core import clock
from app.backend.core.actor import Actor, Permission
from app.backend.core.errors import ServiceUnavailable

router = APIRouter(tags=["system"])

# Everybody may ask, and an answer costs a round trip to each part.
FRESH = timedelta(seconds=2)
_OPEN = {"security": list[str]()}


class Alive(BaseModel):
    """The process answers."""

    status: Health = Health.OK


class Version(BaseModel):
    """What is running."""

    name: str = "atelier"
    version: str


class PublicPart(BaseModel):
    """Whether a part works, without the details that only users may see."""

    name: str
    status: Health


class Readiness(BaseModel):
    """Whether the installation can work."""

    status: Health
    parts: list[PublicPart]


class Checker:
    """Looks at the parts at most every two seconds, however many ask."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._last: SystemHealth | None = None

    async def check(self, parts: ApiParts) -> SystemHealth:
        """Return a fresh look, or one of a moment ago."""
        async with self._lock:
            if self._last is None or clock.now() - self._last.checked_at > FRESH:
                self._last = await check_parts(parts)
            return self._last


@router.get("/health", openapi_extra=_OPEN)
@router.get("/health/live", openapi_extra=_OPEN)
async def is_live() -> Alive:
    """Tell that the process answers, whatever its parts do."""
    return Alive()


@router.get("/health/startup", openapi_extra=_OPEN)
async def has_started(request: Request) -> Alive:
    """Tell that the process has opened its parts."""
    if getattr(request.app.state, "services", None) is None:
        message = "The web process is still starting. Try again in a moment."
        raise ServiceUnavailable(message, service="web", retry_after=1)
    return Alive()


@router.get("/health/ready", openapi_extra=_OPEN)
async def is_ready(request: Request, response: Response, parts: PartsDep) -> Readiness:
    """Tell whether each part works; 503 when database or Redis does not."""
    health = await request.app.state.checker.check(parts)
    if health.status is Health.DOWN:
        response.status_code = 503
    return Readiness(
        status=health.status,
        parts=[PublicPart(name=part.name, status=part.status) for part in health.parts],
    )


@router.get("/version", openapi_extra=_OPEN)
async def show_version() -> Version:
    """Tell which version is running."""
    return Version(version=version("atelier"))


@router.get("/api/v1/system/health")
async def show_health(
    actor: Annotated[Actor, may(Permission.VIEW_SYSTEM)],
    request: Request,
    parts: PartsDep,
) -> SystemHealth:
    """Tell how each part is, and what to do about what is not well."""
    found = await request.app.state.checker.check(parts)
    return await check_for(actor, parts, found)
