"""Tells viewers about new events at once, through Redis; the rows are the truth when it is away."""

import asyncio
import threading
from collections.abc import Sequence
from uuid import UUID

import structlog
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.connection import Connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.backend.core import clock
from app.backend.core import redis as names
from app.backend.core.db import Session, after_commit
from app.backend.core.stored_events import RunEvent
from app.backend.runs.packing import batches_of

logger = structlog.get_logger(__name__)

FIELD = "packed"
STREAM_BATCHES_MAX = 256
STREAM_SECONDS = 3600
# So many commands may be on their way to a Redis that does not answer.
UNANSWERED_MAX = 256
# A Redis that is away is left alone for so long: until then viewers read rows.
AWAY_SECONDS = 2.0
# For which an answer is waited for when too many are missing, and at the end.
HEAR_SECONDS = 1
_GROWING = frozenset({"message_delta", "reasoning_delta"})
_Command = tuple[str | bytes | int, ...]


async def publish(redis: Redis, run_id: UUID, events: Sequence[RunEvent]) -> None:
    """Add `events` to the run's stream, as one entry if none is missing between them; an outage is logged, viewers then read rows."""
    commands = _commands(names.run_stream(run_id), events)
    try:
        async with (
            asyncio.timeout(names.ANSWER_SECONDS),
            redis.pipeline(transaction=False) as pipe,
        ):
            for command in commands:
                pipe.execute_command(*command)
            await pipe.execute()
    except (RedisError, TimeoutError) as error:
        logger.warning("live_events_not_sent", run_id=str(run_id), error=repr(error))


class LiveStreams:
    """The streams of all runs of a process that writes their logs: who adds to them waits for no answer.

    Answers are read when there is more to say, so that a batch wakes nobody when Redis has it.
    """

    def __init__(self, redis: BlockingRedis) -> None:
        self._pool = redis.connection_pool
        self._connection: Connection | None = None
        self._unanswered = 0
        self._away_until = 0.0
        self._sending = threading.Lock()

    def add(self, stored: Sequence[Sequence[RunEvent]]) -> None:
        """Add the events of each run to its stream; never raises."""
        if self._is_away:
            return
        commands = [
            command
            for events in stored
            if events
            for command in _commands(names.run_stream(events[0].run_id), events)
        ]
        with self._sending:
            # Another thread may have noticed meanwhile.
            if not commands or self._is_away:
                return
            try:
                self._send(commands)
            except (RedisError, OSError) as error:
                self._give_up(error)

    @property
    def _is_away(self) -> bool:
        return clock.monotonic() < self._away_until

    def close(self) -> None:
        """Return when Redis has answered, or had its time."""
        with self._sending:
            try:
                if self._connection is not None:
                    self._hear(self._connection, missing_max=0)
            except (RedisError, OSError) as error:
                self._give_up(error)
            self._let_go()

    def _send(self, commands: Sequence[_Command]) -> None:
        connection = self._live_connection()
        packed = connection.pack_commands(commands)
        connection.send_packed_command(packed, check_health=False)
        self._unanswered += len(commands)

    def _live_connection(self) -> Connection:
        try:
            if self._connection is not None:
                self._hear(self._connection, missing_max=UNANSWERED_MAX)
        except RedisConnectionError:
            # It was closed: Redis may have been started anew.
            self._let_go()
        if self._connection is None:
            self._connection = self._pool.get_connection()
        return self._connection

    def _hear(self, connection: Connection, *, missing_max: int) -> None:
        """Read the answers that are there; wait for some when more are missing than may be."""
        while connection.can_read(
            timeout=HEAR_SECONDS if self._unanswered > missing_max else 0
        ):
            self._unanswered -= 1
            connection.read_response()
        if self._unanswered > missing_max:
            raise RedisTimeoutError

    def _give_up(self, error: Exception) -> None:
        logger.warning("live_events_not_sent", error=repr(error))
        self._away_until = clock.monotonic() + AWAY_SECONDS
        self._let_go()

    def _let_go(self) -> None:
        if self._connection is None:
            return
        if self._unanswered:
            self._connection.disconnect()
        self._pool.release(self._connection)
        self._connection, self._unanswered = None, 0


def _commands(key: str, events: Sequence[RunEvent]) -> list[_Command]:
    batches = batches_of(events)
    length = ("MAXLEN", "~", STREAM_BATCHES_MAX)
    commands: list[_Command] = [
        ("XADD", key, *length, "*", FIELD, batch.to_json()) for batch in batches
    ]
    # Most batches are words of a message; what came before has said for how long the stream is kept.
    if any(not batch.types <= _GROWING for batch in batches):
        commands.append(("EXPIRE", key, STREAM_SECONDS))
    return commands


def publish_after_commit(
    session: Session, redis: Redis, run_id: UUID, events: Sequence[RunEvent]
) -> None:
    """Publish `events` once the transaction of `session` is committed."""
    after_commit(session, lambda: publish(redis, run_id, events))


async def signal_stop(redis: Redis, run_id: UUID) -> None:
    """Make the worker of the run look at its row now; without Redis it looks twice a second anyway."""
    try:
        async with asyncio.timeout(names.ANSWER_SECONDS):
            await redis.publish(names.run_signal(run_id), "stop")
    except (RedisError, TimeoutError) as error:
        logger.warning("stop_signal_not_sent", run_id=str(run_id), error=repr(error))
