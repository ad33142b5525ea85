"""Accounts: how they begin, what their owners change, who acts for them."""

from datetime import timedelta
from uuid import UUID

from app.backend.core import acting, clock, ids
from app.backend.core.actor import Actor, Permission, Role
from app.backend.core.crypto import hash_token
from app.backend.core.db import Database, Session
from app.backend.core.errors import Invalid, NotFound
from app.backend.identity import (
    audit,
    passwords,
    people_repository,
    repository,
    sessions,
)
from app.backend.identity.actors import actor_of, need_user, require
from app.backend.identity.audit import Action
from app.backend.identity.errors import (
    EmailTaken,
    LinkInvalid,
    OwnerExists,
)
from app.backend.identity.schemas import (
    NewSession,
    PasswordDraft,
    Preferences,
    ProfileDraft,
    UserDraft,
    UserView,
)
from app.backend.identity.tables import (
    OneTimeLinkRow,
    UserRow,
)

OWNER_LINK = "create_owner"
OWNER_LINK_LIFE = timedelta(days=1)


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
    audit.record(session, actor_of(user), Action.OWNER_CREATED)
    return await sessions.open_session(session, user, user_agent, session_days)


async def create_user(session: Session, actor: Actor, *, draft: UserDraft) -> UserView:
    """Make an account; only administrators may."""
    require(actor, Permission.ADD_USER)
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
    audit.record(session, actor_of(user), Action.OWNER_CREATED)
    return UserView.model_validate(user)


async def set_password(
    session: Session, actor: Actor, *, email: str, password: str
) -> UserView:
    """Give a user a new password and end all their logins; only administrators may."""
    require(actor, Permission.CHANGE_USER)
    user = await repository.find_user_by_email(session, email.strip().lower())
    if user is None:
        raise NotFound("user", email)
    password_hash = await passwords.hash_password(password)
    await _store_password(session, actor, user, password_hash, but=None)
    return UserView.model_validate(user)


async def change_password(db: Database, actor: Actor, *, draft: PasswordDraft) -> None:
    """Change the actor's own password and end their other logins; nothing is locked while passwords are hashed."""
    async with db.read() as session:
        known_hash = (await need_user(session, actor.user_id)).password_hash
    is_right, _ = await passwords.verify_password(
        draft.current.get_secret_value(), known_hash
    )
    if not is_right:
        raise Invalid.field("current", "This is not your present password.")
    new_hash = await passwords.hash_password(draft.new.get_secret_value())
    with acting.as_user(actor.user_id):
        async with db.transaction() as session:
            user = await need_user(session, actor.user_id)
            if user.password_hash != known_hash:
                # Set by somebody else meanwhile, who has ended this login.
                raise Invalid.field("current", "This is not your present password.")
            await _store_password(session, actor, user, new_hash, but=actor.session_id)


async def get_profile(session: Session, actor: Actor) -> UserView:
    """Return the actor's own account."""
    return UserView.model_validate(await need_user(session, actor.user_id))


async def update_profile(
    session: Session, actor: Actor, *, draft: ProfileDraft
) -> UserView:
    """Change how the actor is shown."""
    user = await need_user(session, actor.user_id)
    user.sqlmodel_update(draft.model_dump())
    user.updated_at = clock.now()
    return UserView.model_validate(user)


async def update_preferences(
    session: Session, actor: Actor, *, preferences: Preferences
) -> UserView:
    """Set some of the actor's preferences; the others stay. An empty value removes one."""
    user = await need_user(session, actor.user_id)
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


async def find_actor(session: Session, user_id: UUID) -> Actor | None:
    """Return the actor for a job that works for a user; None when they are gone or suspended."""
    user = await repository.find_user(session, user_id)
    return actor_of(user) if user is not None and user.is_active else None


async def get_actor(session: Session, user_id: UUID) -> Actor:
    """Return the actor for a job that works for a user.

    Raises:
        NotFound: the user is gone or suspended.
    """
    return actor_of(await need_user(session, user_id))


async def get_person(session: Session, user_id: UUID) -> tuple[Actor, str]:
    """Return what `get_actor` does, and what the user is called.

    Raises:
        NotFound: the user is gone or suspended.
    """
    user = await need_user(session, user_id)
    return actor_of(user), user.display_name


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
    return actor_of(user)


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


async def _store_password(
    session: Session,
    actor: Actor,
    user: UserRow,
    password_hash: str,
    *,
    but: UUID | None,
) -> None:
    user.password_hash = password_hash
    user.updated_at = clock.now()
    await repository.end_sessions(session, user.id, clock.now(), but=but)
    await people_repository.forget_links_of(session, user.id)
    audit.record(
        session, actor, Action.PASSWORD_SET, object_kind="user", object_id=user.id
    )
