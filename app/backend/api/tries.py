"""Slows down whoever guesses passwords: so many wrong ones for an address, then a pause."""

import hashlib

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.backend.core.errors import TooMany

logger = structlog.get_logger(__name__)

TRIES_MAX = 10
PAUSE_SECONDS = 15 * 60


async def count_try(redis: Redis, email: str) -> None:
    """Count a try to sign in as `email`, whether or not there is such a user.

    Raises:
        TooMany: the pause is not over.
    """
    key = _key(email)
    try:
        async with redis.pipeline(transaction=True) as pipe:
            pipe.incr(key)
            pipe.expire(key, PAUSE_SECONDS, nx=True)
            pipe.ttl(key)
            tries, _, seconds = await pipe.execute()
    except RedisError as error:
        logger.warning("login_tries_not_counted", error=str(error))
        return
    if tries > TRIES_MAX:
        minutes = max(1, round(seconds / 60))
        message = f"Too many tries to sign in with this address. Wait {minutes} min, then try again."
        raise TooMany(message, retry_after=max(1, seconds))


async def forget_tries(redis: Redis, email: str) -> None:
    """Start counting anew after a right password."""
    try:
        await redis.delete(_key(email))
    except RedisError as error:
        logger.warning("login_tries_not_forgotten", error=str(error))


def _key(email: str) -> str:
    digest = hashlib.sha256(email.strip().lower().encode()).hexdigest()[:32]
    return f"app:identity:{digest}:tries"
