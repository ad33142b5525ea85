"""Redis clients and the names of our keys."""

from uuid import UUID

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

# Redis may take a connection and then not answer; nobody waits for an answer longer than this.
ANSWER_SECONDS = 2.0
_RESTART_RETRIES = 8  # three seconds and a little
_LOST = [RedisConnectionError, RedisTimeoutError]


def connect(url: str) -> AsyncRedis:
    """Return a client for asyncio code; it connects at first use.

    It has no timeout of its own, since it also listens; what asks it for something gives it ANSWER_SECONDS.
    """
    retry = AsyncRetry(ExponentialBackoff(cap=0.5, base=0.05), retries=3)
    return AsyncRedis.from_url(
        url,
        decode_responses=True,
        retry=retry,
        retry_on_error=_LOST,
        health_check_interval=30,
    )


def outlast_restart(client: AsyncRedis) -> None:
    """Let a client that somebody else made wait some seconds for a Redis that is being started again."""
    retry = AsyncRetry(ExponentialBackoff(cap=0.5, base=0.05), retries=_RESTART_RETRIES)
    # Any other error says something about the command, and would be the same again.
    client.get_connection_kwargs()["retry_on_error"] = [*_LOST]
    client.set_retry(retry)


def connect_blocking(url: str, *, seconds: float | None = None) -> Redis:
    """Return a client for RQ, which is synchronous and wants raw bytes; it waits for an answer `seconds`, or for ever."""
    return Redis.from_url(
        url,
        health_check_interval=30,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
    )


def connect_raw(url: str, *, database: int) -> AsyncRedis:
    """Return a client for bytes in a database of their own; it tells soon that Redis is away."""
    # A lost connection is made anew; who does not answer is not asked again.
    retry = AsyncRetry(
        ExponentialBackoff(cap=0.1, base=0.02),
        retries=1,
        supported_errors=(RedisConnectionError,),
    )
    client = AsyncRedis.from_url(
        url,
        retry=retry,
        health_check_interval=30,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
    )
    # A number in the URL would win over an argument.
    client.connection_pool.connection_kwargs["db"] = database
    return client


def run_stream(run_id: UUID) -> str:
    """Stream with the last batches of a run's events."""
    return f"app:runs:{run_id}:events"


def run_signal(run_id: UUID) -> str:
    """Channel that tells the worker of a run to look at its row again."""
    return f"app:runs:{run_id}:signal"


def provider(name: str, what: str) -> str:
    """What is remembered of a service of models."""
    return f"app:providers:{name}:{what}"


def middleware(name: str, what: str) -> str:
    """What stands before a model, or what one of its middlewares remembers."""
    return f"app:middleware:{name}:{what}"


def lock(name: str) -> str:
    """Key of a lock that one process holds."""
    return f"app:locks:{name}"


def budget(account: str, unit: str, period: str) -> str:
    """What is spent of a budget in a period, counted in a unit."""
    return f"app:budgets:{account}:{unit}:{period}"


def budgets_ready() -> str:
    """From when on Redis knows all calls that go on."""
    return "app:budgets:all:ready"
