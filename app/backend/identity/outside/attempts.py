"""A sign-in that has begun in a browser and not come back yet: what the browser keeps of it, sealed."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken
from pydantic import BaseModel, ConfigDict, ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.backend.core import clock, ids
from app.backend.core.actor import Actor
from app.backend.core.crypto import Keyring, hash_token
from app.backend.core.errors import ServiceUnavailable
from app.backend.core.redis import ANSWER_SECONDS
from app.backend.identity.outside.errors import AttemptInvalid

LIFE = timedelta(minutes=10)
_SEAL = "outside_login"
_LINK = "link_login"


class Attempt(BaseModel):
    """State, nonce and verifier of one sign-in, and where it leads; `links_session` is the login that asked for a link."""

    model_config = ConfigDict(frozen=True)

    provider: str
    state: str
    nonce: str
    verifier: str
    then: str
    links_session: UUID | None
    ends_at: datetime


def begin(provider: str, *, then: str, links_session: UUID | None) -> Attempt:
    """Return a fresh attempt."""
    return Attempt(
        provider=provider,
        state=ids.new_token(),
        nonce=ids.new_token(),
        verifier=ids.new_token() + ids.new_token(),
        then=then,
        links_session=links_session,
        ends_at=clock.now() + LIFE,
    )


def seal(attempt: Attempt, keyring: Keyring) -> str:
    """Return the attempt for the cookie, unreadable to the browser."""
    text = attempt.model_dump_json().encode()
    return Fernet(keyring.fernet_key(_SEAL)).encrypt(text).decode()


def unseal(sealed: str | None, keyring: Keyring) -> Attempt:
    """Return the attempt of a cookie.

    Raises:
        AttemptInvalid: there is none of ours, or it took too long.
    """
    try:
        text = Fernet(keyring.fernet_key(_SEAL)).decrypt(sealed or "")
        attempt = Attempt.model_validate_json(text)
    except (InvalidToken, ValidationError):
        raise AttemptInvalid from None
    if attempt.ends_at <= clock.now():
        raise AttemptInvalid
    return attempt


async def use_up(redis: Redis, attempt: Attempt) -> None:
    """Let nobody use the attempt again.

    Raises:
        AttemptInvalid: it was used before.
        ServiceUnavailable: nobody can tell.
    """
    key = f"app:identity:{hash_token(attempt.state)}:used"
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            is_first = await redis.set(key, "1", nx=True, ex=int(LIFE.total_seconds()))
    except (RedisError, TimeoutError) as error:
        message = "Nobody can sign in this way at the moment. Wait a moment and try again, or use your password."
        raise ServiceUnavailable(message, service="redis") from error
    if not is_first:
        raise AttemptInvalid


def link_ticket(keyring: Keyring, actor: Actor, provider: str) -> str:
    """Return what a page of the actor shows when it wants to link a login: no other site can know it.

    Without it, another site could send somebody through a sign-in with an account of its own, and then own theirs.
    """
    return keyring.sign(_LINK, _link_message(actor, provider))


def is_link_ticket(keyring: Keyring, actor: Actor, provider: str, ticket: str) -> bool:
    """Tell whether `ticket` is what a page of this login shows."""
    message = _link_message(actor, provider)
    return actor.session_id is not None and keyring.verify(_LINK, message, ticket)


def _link_message(actor: Actor, provider: str) -> str:
    return f"{actor.session_id}:{actor.user_id}:{provider}"
