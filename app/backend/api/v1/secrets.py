"""Routes of secrets: they are stored and deleted here, and never shown."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from app.backend.api.deps import (
    CursorQuery,
    LimitQuery,
    PartsDep,
    ReadDep,
    WriteDep,
    may,
)
from app.backend.core.actor import Actor, Permission
from app.backend.core.paging import PAGE_SIZE, Page
from app.backend.secrets import service as secrets
from app.backend.secrets.schemas import SecretDraft, SecretValueDraft, SecretView

router = APIRouter(prefix="/api/v1/secrets", tags=["secrets"])

Name = Annotated[str, Path(max_length=100)]


@router.get("")
async def list_secrets(
    actor: Annotated[Actor, may(Permission.VIEW_SECRET)],
    session: ReadDep,
    cursor: CursorQuery = None,
    limit: LimitQuery = PAGE_SIZE,
) -> Page[SecretView]:
    """List the caller's secrets without their values, newest first."""
    return await secrets.list_secrets(session, actor, cursor=cursor, limit=limit)


@router.put("/{name}")
async def set_secret(
    actor: Annotated[Actor, may(Permission.CHANGE_SECRET)],
    session: WriteDep,
    parts: PartsDep,
    name: Name,
    draft: SecretValueDraft,
) -> SecretView:
    """Store a value under a name, or replace it; what needs it refers to it as `db:name`."""
    named = SecretDraft(name=name, value=draft.value)
    return await secrets.set_secret(session, actor, draft=named, keyring=parts.keyring)


@router.delete("/{name}", status_code=204)
async def delete_secret(
    actor: Annotated[Actor, may(Permission.DELETE_SECRET)],
    session: WriteDep,
    name: Name,
    is_forced: Annotated[
        bool, Query(alias="force", description="Delete it although it is used.")
    ] = False,
) -> None:
    """Delete a secret for good; refused while something refers to it."""
    await secrets.delete_secret(session, actor, name=name, is_forced=is_forced)
