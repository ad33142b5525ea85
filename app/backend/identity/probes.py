"""Accounts of the isolation prover: they are active only while it works, and have neither a password nor anything else then.

They are the same ones each time, since the audit keeps whoever it names.
"""

from datetime import timedelta

from app.backend.core import clock, ids
from app.backend.core.actor import Actor, Role
from app.backend.core.crypto import hash_token
from app.backend.core.db import Session
from app.backend.identity import repository
from app.backend.identity.actors import actor_of
from app.backend.identity.tables import LinkedLoginRow, SessionRow, UserRow

# RFC 2606 §2: nobody can ever have such an address.
_DOMAIN = "isolation.invalid"
_LOGIN_HOURS = 1


async def wake(session: Session, *, name: str, role: Role) -> Actor:
    """Return the probe of that name, active, and made when there is none yet."""
    email = f"{name}@{_DOMAIN}"
    user = await repository.find_user_by_email(session, email)
    if user is None:
        # Welcomed already: it needs no ready-made agents.
        user = UserRow(
            email=email, role=role, password_hash="", welcomed_at=clock.now()
        )
        session.add(user)
        await session.flush()
    user.is_active, user.role, user.updated_at = True, role, clock.now()
    return actor_of(user)


async def open_login(session: Session, actor: Actor) -> str:
    """Begin a login of a probe, and return its token."""
    token = ids.new_token()
    row = SessionRow(
        owner_id=actor.user_id,
        token_hash=hash_token(token),
        # Nobody can set up a second factor for it, where one is demanded.
        is_outside=True,
        expires_at=clock.now() + timedelta(hours=_LOGIN_HOURS),
    )
    session.add(row)
    return token


async def link_login(session: Session, actor: Actor, *, email: str) -> None:
    """Link a login elsewhere to a probe, by which nobody can come."""
    row = LinkedLoginRow(
        owner_id=actor.user_id,
        provider="isolation",
        issuer=f"https://{_DOMAIN}",
        subject=ids.new_token(),
        email=email,
    )
    session.add(row)


async def rest(session: Session, actor: Actor) -> None:
    """Suspend a probe, whose logins end with that."""
    user = await repository.find_user(session, actor.user_id)
    if user is not None:
        user.is_active, user.updated_at = False, clock.now()
