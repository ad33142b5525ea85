"""API keys, with which programs act for the person who made them."""

from datetime import datetime
from uuid import UUID

from app.backend.core import clock, ids
from app.backend.core.actor import Actor, Permission, Role
from app.backend.core.crypto import hash_token
from app.backend.core.db import Session
from app.backend.core.errors import Invalid, NotFound
from app.backend.core.paging import PAGE_SIZE, Page, parse_cursor, to_page
from app.backend.identity import audit, repository, scopes
from app.backend.identity.actors import actor_of, require
from app.backend.identity.audit import Action
from app.backend.identity.schemas import ApiKeyDraft, ApiKeyView, NewApiKey, Presented
from app.backend.identity.tables import ApiKeyRow

KEY_PREFIX = "atl_"
_PREFIX_SHOWN = 12


async def create_key(
    session: Session, actor: Actor, *, name: str, expires_at: datetime | None = None
) -> NewApiKey:
    """Make an API key for the actor; it is shown this once."""
    require(actor, Permission.ADD_APIKEY)
    draft = ApiKeyDraft(name=name, expires_at=expires_at)
    if draft.expires_at is not None and draft.expires_at <= clock.now():
        raise Invalid.field("expires_at", "The key would have expired already.")
    key = KEY_PREFIX + ids.new_token()
    row = ApiKeyRow(
        owner_id=actor.user_id,
        prefix=key[:_PREFIX_SHOWN],
        key_hash=hash_token(key),
        **draft.model_dump(),
    )
    session.add(row)
    await session.flush()
    audit.record(
        session, actor, Action.KEY_CREATED, object_kind="apikey", object_id=row.id
    )
    return NewApiKey(key=key, view=ApiKeyView.model_validate(row))


async def list_keys(
    session: Session, actor: Actor, *, cursor: str | None = None, limit: int = PAGE_SIZE
) -> Page[ApiKeyView]:
    """Return a page of the actor's API keys, newest first; revoked ones stay listed."""
    require(actor, Permission.VIEW_APIKEY)
    rows = await repository.list_keys(
        session, actor, after=parse_cursor(cursor), limit=limit + 1
    )
    return to_page([ApiKeyView.model_validate(row) for row in rows], limit)


async def revoke_key(session: Session, actor: Actor, *, key_id: UUID) -> ApiKeyView:
    """Make one of the actor's API keys useless for good; doing so twice is fine."""
    require(actor, Permission.DELETE_APIKEY)
    row = await repository.find_key(session, actor, key_id)
    if row is None:
        raise NotFound("apikey", key_id)
    if row.revoked_at is None:
        row.revoked_at = clock.now()
        audit.record(
            session, actor, Action.KEY_REVOKED, object_kind="apikey", object_id=row.id
        )
    return ApiKeyView.model_validate(row)


async def find_by_key(session: Session, key: str) -> Presented | None:
    """Return whose API key this is, unless it is over or its user is suspended."""
    found = await repository.find_key_by_hash(session, hash_token(key), clock.now())
    if found is None:
        return None
    row, user = found
    permissions = scopes.permissions_of_key(Role(user.role))
    actor = actor_of(user).model_copy(
        update={"api_key_id": row.id, "permissions": permissions}
    )
    return Presented(actor=actor, used_at=row.last_used_at)


async def find_actor_by_key(session: Session, key: str) -> Actor | None:
    """Return whose API key this is."""
    found = await find_by_key(session, key)
    return found.actor if found else None
