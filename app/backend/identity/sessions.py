"""Logins: a password becomes a session, whose token the browser keeps in a cookie."""

from datetime import timedelta
from uuid import UUID

from app.backend.core import caller, clock, ids
from app.backend.core.actor import Actor
from app.backend.core.crypto import Keyring, hash_token
from app.backend.core.db import Database, Session
from app.backend.core.errors import NotFound
from app.backend.identity import (
    audit,
    passwords,
    reading,
    repository,
    second_factor,
)
from app.backend.identity.actors import actor_of, need_user
from app.backend.identity.audit import Action
from app.backend.identity.errors import SecondFactorNeeded, WrongLogin
from app.backend.identity.schemas import (
    NewSession,
    Presented,
    SessionView,
    UserView,
    Verified,
)
from app.backend.identity.tables import SessionRow, UserRow

_USER_AGENT_MAX = 300


async def check_login(db: Database, *, email: str, password: str) -> Verified:
    """Check a password; it does as much work for unknown and suspended users as for others.

    No connection is held meanwhile: passwords wait in a line of their own, and all else would wait with them.

    Raises:
        WrongLogin: without telling which of the two is wrong.
    """
    async with db.read() as session:
        user = await repository.find_user_by_email(session, email.strip().lower())
    known_hash = user.password_hash if user is not None and user.is_active else None
    is_right, better_hash = await passwords.verify_password(password, known_hash)
    if user is None or not is_right:
        raise WrongLogin
    return Verified(user_id=user.id, better_hash=better_hash, email=user.email)


async def login(
    session: Session,
    *,
    verified: Verified,
    code: str = "",
    keyring: Keyring,
    user_agent: str,
    session_days: int,
) -> NewSession:
    """Sign in a user whose password `check_login` found right.

    Raises:
        SecondFactorNeeded: they have one, and there is no `code`.
        WrongCode: the code is wrong, or was used before.
    """
    user = await need_user(session, verified.user_id)
    used = "none"
    if user.second_factor_at is not None:
        if not code:
            raise SecondFactorNeeded(verified)
        used = await second_factor.use(session, user, code=code, keyring=keyring)
    if verified.better_hash:
        user.password_hash = verified.better_hash
    audit.record(session, actor_of(user), Action.LOGGED_IN, second_factor=used)
    return await open_session(session, user, user_agent, session_days)


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


async def revoke_others(session: Session, actor: Actor) -> int:
    """End the actor's logins, except the one that the actor came with; returns how many."""
    ended = await repository.end_sessions(
        session, actor.user_id, clock.now(), but=actor.session_id
    )
    if ended:
        audit.record(session, actor, Action.OTHER_SESSIONS_REVOKED, logins=str(ended))
    return ended


async def find_by_session(session: Session, token: str) -> Presented | None:
    """Return whose login the token is, unless it is over or its user is suspended."""
    found = await repository.find_session_by_hash(
        session, hash_token(token), clock.now()
    )
    if found is None:
        return None
    presented = _present(*found)
    reads = await reading.find_read(session, found[0])
    return presented.model_copy(update={"reads": reads}) if reads else presented


async def find_by_id(session: Session, session_id: UUID) -> Presented | None:
    """Return whose login it is, unless it is over or its user is suspended."""
    found = await repository.find_living_session(session, session_id, clock.now())
    return _present(*found) if found else None


def _present(row: SessionRow, user: UserRow) -> Presented:
    actor = actor_of(user).model_copy(update={"session_id": row.id})
    return Presented(
        actor=actor,
        used_at=row.last_seen_at,
        lacks_factor=user.second_factor_at is None and not row.is_outside,
    )


async def find_actor_by_session(session: Session, token: str) -> Actor | None:
    """Return whose login the token is."""
    found = await find_by_session(session, token)
    return found.actor if found else None


async def open_session(
    session: Session,
    user: UserRow,
    user_agent: str,
    session_days: int,
    *,
    is_outside: bool = False,
) -> NewSession:
    """Begin a login of a user who has proved who they are, here or somewhere that we trust with both factors."""
    token = ids.new_token()
    row = SessionRow(
        owner_id=user.id,
        token_hash=hash_token(token),
        user_agent=user_agent[:_USER_AGENT_MAX],
        address=caller.current(),
        is_outside=is_outside,
        expires_at=clock.now() + timedelta(days=session_days),
    )
    session.add(row)
    await session.flush()
    return NewSession(
        token=token,
        session_id=row.id,
        expires_at=row.expires_at,
        user=UserView.model_validate(user),
        is_welcomed=user.welcomed_at is not None,
    )
