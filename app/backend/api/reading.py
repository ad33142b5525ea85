"""Routes with which an administrator begins and stops to read what somebody has."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from app.backend.api import auth
from app.backend.api.deps import ActorDep, PartsDep, WriteDep, may
from app.backend.core.actor import Actor, Permission
from app.backend.core.errors import Forbidden
from app.backend.identity import reading

router = APIRouter(prefix="/api/auth/reading", tags=["account"])


class Reading(BaseModel):
    """Whose agents, conversations and documents to read."""

    model_config = ConfigDict(frozen=True)

    user_id: UUID


@router.post("", status_code=204)
async def begin_reading(
    request: Request,
    actor: Annotated[Actor, may(Permission.VIEW_USER)],
    session: WriteDep,
    parts: PartsDep,
    asked: Reading,
) -> None:
    """Read with this login what a user has, for an hour; it is in the audit."""
    if auth.bearer_of(request) is not None:
        message = (
            "Only a login in a browser can read what others have. Sign in on a page."
        )
        raise Forbidden(message)
    await reading.begin(session, actor, user_id=asked.user_id, settings=parts.settings)


@router.delete("", status_code=204)
async def stop_reading(actor: ActorDep, parts: PartsDep) -> None:
    """Let this login be its owner's again."""
    await reading.stop(parts.db, actor)
