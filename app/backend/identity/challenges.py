"""What lies between a right password and the second factor, for a form that asks for the two one after the other."""

from datetime import timedelta

from app.backend.core import clock
from app.backend.core.crypto import Keyring, hash_token
from app.backend.core.db import Session
from app.backend.identity import links, people_repository, repository, sessions
from app.backend.identity.actors import need_user
from app.backend.identity.errors import LoginOver
from app.backend.identity.schemas import NewSession, Verified

CHALLENGE = "login_code"
CHALLENGE_LIFE = timedelta(minutes=5)


async def make_challenge(session: Session, *, verified: Verified) -> str:
    """Return a token that says for some minutes that the password was right."""
    user = await need_user(session, verified.user_id)
    if verified.better_hash:
        user.password_hash = verified.better_hash
    token, _ = await links.make_link(
        session, purpose=CHALLENGE, life=CHALLENGE_LIFE, user_id=user.id
    )
    return token


async def find_email(session: Session, token: str) -> str:
    """Return the address of the user whose password was right.

    Raises:
        LoginOver: it is too long ago, or the account has changed since.
    """
    user_id = await people_repository.find_link(
        session, CHALLENGE, hash_token(token), clock.now()
    )
    user = await repository.find_user(session, user_id) if user_id else None
    if user is None or not user.is_active:
        raise LoginOver
    return user.email


async def meet(
    session: Session,
    *,
    token: str,
    code: str,
    keyring: Keyring,
    user_agent: str,
    session_days: int,
) -> NewSession:
    """Sign in the user whose password was right, with their second factor.

    Raises:
        LoginOver: the password is too long ago, or the account has changed since.
        WrongCode: the code is wrong, or was used before.
    """
    user_id = await people_repository.use_link(
        session, CHALLENGE, hash_token(token), clock.now()
    )
    if user_id is None:
        raise LoginOver
    return await sessions.login(
        session,
        verified=Verified(user_id=user_id),
        code=code,
        keyring=keyring,
        user_agent=user_agent,
        session_days=session_days,
    )
