"""Routes of API keys."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from app.backend.agents import api_keys
from app.backend.api.deps import CursorQuery, LimitQuery, ReadDep, WriteDep, may
from app.backend.core.actor import Actor, Permission
from app.backend.core.paging import PAGE_SIZE, Page
from app.backend.core.texts import Text
from app.backend.identity import keys
from app.backend.identity.schemas import (
    ApiKeyDraft,
    ApiKeyView,
    KeyRotation,
    NewApiKey,
)

router = APIRouter(prefix="/api/v1/keys", tags=["API keys"])


@router.get("")
async def list_keys(
    actor: Annotated[Actor, may(Permission.VIEW_APIKEY)],
    session: ReadDep,
    q: Annotated[
        Text, Query(description="How the key begins, or a part of its name.")
    ] = "",
    cursor: CursorQuery = None,
    limit: LimitQuery = PAGE_SIZE,
) -> Page[ApiKeyView]:
    """List the caller's API keys, newest first."""
    return await keys.list_keys(session, actor, text=q, cursor=cursor, limit=limit)


@router.post("", status_code=201)
async def create_key(
    actor: Annotated[Actor, may(Permission.ADD_APIKEY)],
    session: WriteDep,
    draft: ApiKeyDraft,
) -> NewApiKey:
    """Make an API key; the answer is the only place that shows it."""
    return await api_keys.create_key(session, actor, draft=draft)


@router.post("/{key_id}/rotate", status_code=201)
async def rotate_key(
    actor: Annotated[Actor, may(Permission.ADD_APIKEY)],
    session: WriteDep,
    key_id: UUID,
    rotation: KeyRotation,
) -> NewApiKey:
    """Make a new key that may do the same; the old one ends after the grace."""
    return await keys.rotate_key(session, actor, key_id=key_id, rotation=rotation)


@router.delete("/{key_id}")
async def revoke_key(
    actor: Annotated[Actor, may(Permission.DELETE_APIKEY)],
    session: WriteDep,
    key_id: UUID,
) -> ApiKeyView:
    """Make an API key useless for good."""
    return await keys.revoke_key(session, actor, key_id=key_id)
