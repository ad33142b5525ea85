"""Accounts, logins and API keys."""

from datetime import datetime, timedelta
from uuid import UUID

from app.backend.core import clock, ids
from app.backend.core.actor import Actor, Permission, Role
from app.backend.core.crypto import hash_token
from app.backend.core.db import Session
from app.backend.core.errors import Forbidden, Invalid, NotFound
from app.backend.core.paging import PAGE_SIZE, Page, parse_cursor, to_page
from app.backend.identity import audit, passwords, repository, scopes
from app.backend.identity.audit import Action
from app.backend.identity.errors import (
    EmailTaken,
    LinkInvalid,
    OwnerExists,
    WrongLogin,
)
from app.backend.identity.schemas import (
    ApiKeyDraft,
    ApiKeyView,
    NewApiKey,
    NewSession,
    PasswordDraft,
    Preferences,
    Presented,
    ProfileDraft,
    SessionView,
    UserDraft,
    UserView,
    Verified,
)
from app.backend.identity.tables import (
    ApiKeyRow,
    OneTimeLinkRow,
    SessionRow,
    UserRow,
)

OWNER_LINK = "create_owner"
OWNER_LINK_LIFE = timedelta(days=1)
KEY_PREFIX = "atl_"
_PREFIX_SHOWN = 12
_USER_AGENT_MAX = 300


async def has_owner(session: Session) -> bool:
    """Tell whether somebody owns this installation yet."""
    return await repository.find_owner(session) is not None


async def make_owner_link(session: Session) -> str:
    """Return the token of a fresh link that creates the owner account; older ones stop working.

    Raises:
        OwnerExists: there is nothing to create any more.
    """
    if await has_owner(session):
        raise OwnerExists
    await repository.forget_links(session, OWNER_LINK)
    token = ids.new_token()
    link = OneTimeLinkRow(
        purpose=OWNER_LINK,
        token_hash=hash_token(token),
        expires_at=clock.now() + OWNER_LINK_LIFE,
    )
    session.add(link)
    await session.flush()
    return token


async def create_owner(
    session: Session,
    *,
    link_token: str,
    draft: UserDraft,
    user_agent: str,
    session_days: int,
) -> NewSession:
    """Make the first account, an administrator, and sign it in."""
    if await has_owner(session):
        raise OwnerExists
    token_hash = hash_token(link_token)
    if not await repository.use_link(session, OWNER_LINK, token_hash, clock.now()):
        raise LinkInvalid
    user = await _add_user(session, draft, Role.ADMIN)
    audit.record(session, _actor_of(user), Action.OWNER_CREATED)
    return await _open_session(session, user, user_agent, session_days)


async def create_user(session: Session, actor: Actor, *, draft: UserDraft) -> UserView:
    """Make an account; only administrators may."""
    _require(actor, Permission.ADD_USER)
    user = await _add_user(session, draft, draft.role)
    audit.record(
        session,
        actor,
        Action.USER_CREATED,
        object_kind="user",
        object_id=user.id,
        email=user.email,
        role=user.role,
    )
    return UserView.model_validate(user)


async def bootstrap_owner(session: Session, *, draft: UserDraft) -> UserView:
    """Make the first account from the command line of the machine itself.

    Raises:
        OwnerExists: use `create_user`, as somebody.
    """
    if await has_owner(session):
        raise OwnerExists
    await repository.forget_links(session, OWNER_LINK)
    user = await _add_user(session, draft, Role.ADMIN)
    audit.record(session, _actor_of(user), Action.OWNER_CREATED)
    return UserView.model_validate(user)


async def set_password(
    session: Session, actor: Actor, *, email: str, password: str
) -> UserView:
    """Give a user a new password and end all their logins; only administrators may."""
    _require(actor, Permission.CHANGE_USER)
    user = await repository.find_user_by_email(session, email.strip().lower())
    if user is None:
        raise NotFound("user", email)
    await _store_password(session, actor, user, password, but=None)
    return UserView.model_validate(user)


async def change_password(
    session: Session, actor: Actor, *, draft: PasswordDraft
) -> None:
    """Change the actor's own password and end their other logins."""
    user = await _need_user(session, actor.user_id)
    is_right, _ = await passwords.verify_password(
        draft.current.get_secret_value(), user.password_hash
    )
    if not is_right:
        raise Invalid.field("current", "This is not your present password.")
    await _store_password(
        session, actor, user, draft.new.get_secret_value(), but=actor.session_id
    )


async def get_profile(session: Session, actor: Actor) -> UserView:
    """Return the actor's own account."""
    return UserView.model_validate(await _need_user(session, actor.user_id))


async def update_profile(
    session: Session, actor: Actor, *, draft: ProfileDraft
) -> UserView:
    """Change how the actor is shown."""
    user = await _need_user(session, actor.user_id)
    user.sqlmodel_update(draft.model_dump())
    user.updated_at = clock.now()
    return UserView.model_validate(user)


async def update_preferences(
    session: Session, actor: Actor, *, preferences: Preferences
) -> UserView:
    """Set some of the actor's preferences; the others stay. An empty value removes one."""
    user = await _need_user(session, actor.user_id)
    merged = {**user.preferences, **preferences}
    user.preferences = {name: value for name, value in merged.items() if value}
    user.updated_at = clock.now()
    return UserView.model_validate(user)


async def welcome(session: Session, actor: Actor) -> bool:
    """Note that the actor's account gets what a new one finds; only one caller is ever told to give it."""
    return await repository.welcome(session, actor.user_id, clock.now())


async def list_unwelcomed(session: Session, *, limit: int) -> list[Actor]:
    """Return who has signed in and was never welcomed."""
    user_ids = await repository.list_unwelcomed(session, limit=limit)
    return [await get_actor(session, user_id) for user_id in user_ids]


async def get_actor(session: Session, user_id: UUID) -> Actor:
    """Return the actor for a job that works for a user.

    Raises:
        NotFound: the user is gone or suspended.
    """
    user = await repository.find_user(session, user_id)
    if user is None or not user.is_active:
        raise NotFound("user", user_id)
    return _actor_of(user)


async def find_actor_by_email(session: Session, email: str | None) -> Actor:
    """Return the actor for the command line; None is the owner.

    Raises:
        NotFound: there is no such active user.
    """
    if email is None:
        user = await repository.find_owner(session)
    else:
        user = await repository.find_user_by_email(session, email.strip().lower())
    if user is None or not user.is_active:
        raise NotFound("user", email or "owner")
    return _actor_of(user)


async def check_login(session: Session, *, email: str, password: str) -> Verified:
    """Check a password; it takes as long for unknown and suspended users as for others.

    Raises:
        WrongLogin: without telling which of the two is wrong.
    """
    user = await repository.find_user_by_email(session, email.strip().lower())
    known_hash = user.password_hash if user is not None and user.is_active else None
    is_right, better_hash = await passwords.verify_password(password, known_hash)
    if user is None or not is_right:
        raise WrongLogin
    return Verified(user_id=user.id, better_hash=better_hash)


async def login(
    session: Session, *, verified: Verified, user_agent: str, session_days: int
) -> NewSession:
    """Sign in a user whose password `check_login` found right."""
    user = await _need_user(session, verified.user_id)
    if verified.better_hash:
        user.password_hash = verified.better_hash
    audit.record(session, _actor_of(user), Action.LOGGED_IN)
    return await _open_session(session, user, user_agent, session_days)


async def logout(session: Session, actor: Actor) -> None:
    """End the login that the actor came with."""
    if actor.session_id is None:
        return
    row = await repository.find_session(session, actor, actor.session_id)
    if row is not None:
        row.revoked_at = clock.now()
        audit.record(session, actor, Action.LOGGED_OUT)


async def list_sessions(session: Session, actor: Actor) -> list[SessionView]:
    """Return the actor's logins, newest first."""
    rows = await repository.list_sessions(session, actor, clock.now())
    return [
        SessionView.model_validate(row).model_copy(
            update={"is_current": row.id == actor.session_id}
        )
        for row in rows
    ]


async def revoke_session(session: Session, actor: Actor, *, session_id: UUID) -> None:
    """End one of the actor's logins."""
    row = await repository.find_session(session, actor, session_id)
    if row is None:
        raise NotFound("session", session_id)
    if row.revoked_at is None:
        row.revoked_at = clock.now()
        audit.record(
            session,
            actor,
            Action.SESSION_REVOKED,
            object_kind="session",
            object_id=row.id,
        )


async def create_key(
    session: Session, actor: Actor, *, name: str, expires_at: datetime | None = None
) -> NewApiKey:
    """Make an API key for the actor; it is shown this once."""
    _require(actor, Permission.ADD_APIKEY)
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
    _require(actor, Permission.VIEW_APIKEY)
    rows = await repository.list_keys(
        session, actor, after=parse_cursor(cursor), limit=limit + 1
    )
    return to_page([ApiKeyView.model_validate(row) for row in rows], limit)


async def revoke_key(session: Session, actor: Actor, *, key_id: UUID) -> ApiKeyView:
    """Make one of the actor's API keys useless for good; doing so twice is fine."""
    _require(actor, Permission.DELETE_APIKEY)
    row = await repository.find_key(session, actor, key_id)
    if row is None:
        raise NotFound("apikey", key_id)
    if row.revoked_at is None:
        row.revoked_at = clock.now()
        audit.record(
            session, actor, Action.KEY_REVOKED, object_kind="apikey", object_id=row.id
        )
    return ApiKeyView.model_validate(row)


async def find_by_session(session: Session, token: str) -> Presented | None:
    """Return whose login the token is, unless it is over or its user is suspended."""
    found = await repository.find_session_by_hash(
        session, hash_token(token), clock.now()
    )
    if found is None:
        return None
    row, user = found
    actor = _actor_of(user).model_copy(update={"session_id": row.id})
    return Presented(actor=actor, used_at=row.last_seen_at)


async def find_by_key(session: Session, key: str) -> Presented | None:
    """Return whose API key this is, unless it is over or its user is suspended."""
    found = await repository.find_key_by_hash(session, hash_token(key), clock.now())
    if found is None:
        return None
    row, user = found
    permissions = scopes.permissions_of_key(Role(user.role))
    actor = _actor_of(user).model_copy(
        update={"api_key_id": row.id, "permissions": permissions}
    )
    return Presented(actor=actor, used_at=row.last_used_at)


async def find_actor_by_session(session: Session, token: str) -> Actor | None:
    """Return whose login the token is."""
    found = await find_by_session(session, token)
    return found.actor if found else None


async def find_actor_by_key(session: Session, key: str) -> Actor | None:
    """Return whose API key this is."""
    found = await find_by_key(session, key)
    return found.actor if found else None


async def record_use(session: Session, actor: Actor) -> None:
    """Note that the actor's login or API key was used now."""
    if actor.session_id is not None:
        login = await repository.find_session(session, actor, actor.session_id)
        if login is not None:
            login.last_seen_at = clock.now()
    if actor.api_key_id is not None:
        key = await repository.find_key(session, actor, actor.api_key_id)
        if key is not None:
            key.last_used_at = clock.now()


async def _add_user(session: Session, draft: UserDraft, role: Role) -> UserRow:
    if await repository.find_user_by_email(session, draft.email) is not None:
        raise EmailTaken(draft.email)
    password = draft.password.get_secret_value()
    user = UserRow(
        email=draft.email,
        display_name=draft.display_name,
        role=role,
        password_hash=await passwords.hash_password(password),
    )
    session.add(user)
    await session.flush()
    return user


async def _open_session(
    session: Session, user: UserRow, user_agent: str, session_days: int
) -> NewSession:
    token = ids.new_token()
    row = SessionRow(
        owner_id=user.id,
        token_hash=hash_token(token),
        user_agent=user_agent[:_USER_AGENT_MAX],
        expires_at=clock.now() + timedelta(days=session_days),
    )
    session.add(row)
    await session.flush()
    return NewSession(
        token=token,
        session_id=row.id,
        expires_at=row.expires_at,
        user=UserView.model_validate(user),
    )


async def _store_password(
    session: Session, actor: Actor, user: UserRow, password: str, *, but: UUID | None
) -> None:
    user.password_hash = await passwords.hash_password(password)
    user.updated_at = clock.now()
    await repository.end_sessions(session, user.id, clock.now(), but=but)
    audit.record(
        session, actor, Action.PASSWORD_SET, object_kind="user", object_id=user.id
    )


async def _need_user(session: Session, user_id: UUID) -> UserRow:
    user = await repository.find_user(session, user_id)
    if user is None or not user.is_active:
        raise NotFound("user", user_id)
    return user


def _require(actor: Actor, permission: Permission) -> None:
    if not actor.may(permission):
        message = "You may not do this. Ask an administrator of this installation."
        raise Forbidden(message)


def _actor_of(user: UserRow) -> Actor:
    role = Role(user.role)
    return Actor(
        user_id=user.id,
        email=user.email,
        role=role,
        permissions=scopes.permissions_of(role),
    )
