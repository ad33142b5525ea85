"""Slows down whoever guesses passwords: so many wrong ones for an address, then a pause."""

import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.backend.core import caller
from app.backend.core.errors import TooMany
from app.backend.identity.errors import TooManyAccounts

logger = structlog.get_logger(__name__)

TRIES_MAX = 10
LETTERS_MAX = 3
SIGN_UPS_MAX = 10
PAUSE_SECONDS = 15 * 60


@asynccontextmanager
async def counted(redis: Redis, email: str) -> AsyncGenerator[None, None]:
    """Count a try of a password for `email`, whether or not there is such a user; forget all when it goes well.

    It is counted before it is checked, so that tries at the same time cannot be more than one after another.

    Raises:
        TooMany: the pause is not over.
    """
    await _count(redis, email)
    yield
    await _forget(redis, email)


async def count_sign_up(redis: Redis) -> None:
    """Count an account that somebody makes from the address of the caller; nothing else limits them without mail.

    Raises:
        TooManyAccounts: there were ten in 15 minutes.
    """
    made, seconds = await _add(redis, _key(caller.current(), "sign-ups"))
    if made > SIGN_UPS_MAX:
        logger.warning("sign_ups_paused", address=caller.current())
        raise TooManyAccounts(seconds)


async def may_write(redis: Redis, email: str) -> bool:
    """Tell whether an address may be sent one more letter that anybody can ask for; it gets three in 15 minutes."""
    letters, _ = await _add(redis, _key(email, "letters"))
    return letters <= LETTERS_MAX


async def _count(redis: Redis, email: str) -> None:
    tries, seconds = await _add(redis, _key(email))
    if tries > TRIES_MAX:
        logger.warning("password_tries_paused", tries=tries, address=caller.current())
        minutes = max(1, round(seconds / 60))
        message = f"Too many wrong passwords or codes for this address. Wait {minutes} min, then try again."
        raise TooMany(message, retry_after=max(1, seconds))


async def _add(redis: Redis, key: str) -> tuple[int, int]:
    """Count one more, and return how many there are and for how many seconds; none while Redis is away."""
    try:
        async with redis.pipeline(transaction=True) as pipe:
            pipe.incr(key)
            pipe.expire(key, PAUSE_SECONDS, nx=True)
            pipe.ttl(key)
            count, _, seconds = await pipe.execute()
    except RedisError as error:
        logger.warning("tries_not_counted", error=str(error))
        return 0, 0
    return count, seconds


async def _forget(redis: Redis, email: str) -> None:
    try:
        await redis.delete(_key(email))
    except RedisError as error:
        logger.warning("login_tries_not_forgotten", error=str(error))


def _key(email: str, what: str = "tries") -> str:
    digest = hashlib.sha256(email.strip().lower().encode()).hexdigest()[:32]
    return f"app:identity:{digest}:{what}"
