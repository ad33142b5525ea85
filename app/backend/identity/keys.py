"""API keys, with which programs act for the person who made them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from app.backend.core import clock, ids
from app.backend.core.actor import Actor, Permission
from app.backend.core.crypto import hash_token
from app.backend.core.db import Session
from app.backend.core.errors import Conflict, Invalid, NotFound
from app.backend.core.paging import PAGE_SIZE, Page, parse_cursor, to_page
from app.backend.identity import audit, repository
from app.backend.identity.actors import actor_of, require
from app.backend.identity.audit import Action
from app.backend.identity.schemas import (
    ApiKeyDraft,
    ApiKeyView,
    KeyRotation,
    NewApiKey,
    Presented,
)
from app.backend.identity.scopes import OFFERED, permissions_of_key
from app.backend.identity.tables import ApiKeyRow

KEY_PREFIX = "atl_"
_PREFIX_SHOWN = 12


def list_scopes(actor: Actor) -> list[Permission]:
    """Return what a key of the actor's can be limited to."""
    possible = permissions_of_key(actor.permissions)
    return [permission for permission in OFFERED if permission in possible]


async def create_key(
    session: Session,
    actor: Actor,
    *,
    name: str,
    expires_at: datetime | None = None,
    scopes: Sequence[Permission] | None = None,
    agent_ids: Sequence[UUID] | None = None,
) -> NewApiKey:
    """Make an API key for the actor; it is shown this once.

    Raises:
        Invalid: it would have expired, or may do what the actor's keys may not.
    """
    require(actor, Permission.ADD_APIKEY)
    draft = ApiKeyDraft.model_validate(
        {
            "name": name,
            "expires_at": expires_at,
            "scopes": scopes,
            "agent_ids": agent_ids,
        }
    )
    if draft.expires_at is not None and draft.expires_at <= clock.now():
        raise Invalid.field("expires_at", "The key would have expired already.")
    _check_scopes(actor, draft)
    made = await _add(session, actor, draft)
    audit.record(
        session, actor, Action.KEY_CREATED, object_kind="apikey", object_id=made.view.id
    )
    return made


async def rotate_key(
    session: Session, actor: Actor, *, key_id: UUID, rotation: KeyRotation
) -> NewApiKey:
    """Make a new key that may do the same as an old one, which ends after the grace.

    Raises:
        NotFound: there is no such key of the actor's.
        Conflict: it is over already.
    """
    require(actor, Permission.ADD_APIKEY)
    row = await _need_key(session, actor, key_id)
    now = clock.now()
    if row.revoked_at is not None or (row.expires_at and row.expires_at <= now):
        message = f"The key {row.name!r} is over already. Make a new one."
        raise Conflict(message)
    made = await _add(session, actor, ApiKeyDraft.model_validate(row.model_dump()))
    ends_at = now + timedelta(hours=rotation.grace_hours)
    if rotation.grace_hours:
        row.expires_at = min(row.expires_at or ends_at, ends_at)
    else:
        row.revoked_at = now
    session.add(row)
    audit.record(
        session,
        actor,
        Action.KEY_ROTATED,
        object_kind="apikey",
        object_id=row.id,
        new=str(made.view.id),
    )
    return made


async def list_keys(
    session: Session,
    actor: Actor,
    *,
    text: str = "",
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
) -> Page[ApiKeyView]:
    """Return a page of the actor's API keys, newest first; revoked ones stay listed.

    `text` is how a key begins, or a part of its name.
    """
    require(actor, Permission.VIEW_APIKEY)
    rows = await repository.list_keys(
        session,
        actor,
        text=text.strip()[:_PREFIX_SHOWN]
        if text.startswith(KEY_PREFIX)
        else text.strip(),
        after=parse_cursor(cursor),
        limit=limit + 1,
    )
    return to_page([ApiKeyView.model_validate(row) for row in rows], limit)


async def revoke_key(session: Session, actor: Actor, *, key_id: UUID) -> ApiKeyView:
    """Make one of the actor's API keys useless for good; doing so twice is fine."""
    require(actor, Permission.DELETE_APIKEY)
    row = await _need_key(session, actor, key_id)
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
    actor = actor_of(user)
    limits = {
        "api_key_id": row.id,
        "permissions": permissions_of_key(actor.permissions, row.scopes),
        "agent_ids": None
        if row.agent_ids is None
        else frozenset(map(UUID, row.agent_ids)),
    }
    return Presented(actor=actor.model_copy(update=limits), used_at=row.last_used_at)


async def find_actor_by_key(session: Session, key: str) -> Actor | None:
    """Return whose API key this is."""
    found = await find_by_key(session, key)
    return found.actor if found else None


def _check_scopes(actor: Actor, draft: ApiKeyDraft) -> None:
    too_many = set(draft.scopes or ()) - permissions_of_key(actor.permissions)
    if too_many:
        message = f"A key of yours may not have {sorted(too_many)[0].value!r}."
        raise Invalid.field("scopes", message)


async def _add(session: Session, actor: Actor, draft: ApiKeyDraft) -> NewApiKey:
    key = KEY_PREFIX + ids.new_token()
    row = ApiKeyRow(
        owner_id=actor.user_id,
        prefix=key[:_PREFIX_SHOWN],
        key_hash=hash_token(key),
        name=draft.name,
        expires_at=draft.expires_at,
        scopes=None if draft.scopes is None else sorted(set(draft.scopes)),
        agent_ids=None if draft.agent_ids is None else [*map(str, draft.agent_ids)],
    )
    session.add(row)
    await session.flush()
    return NewApiKey(key=key, view=ApiKeyView.model_validate(row))


async def _need_key(session: Session, actor: Actor, key_id: UUID) -> ApiKeyRow:
    row = await repository.find_key(session, actor, key_id)
    if row is None:
        raise NotFound("apikey", key_id)
    return row
