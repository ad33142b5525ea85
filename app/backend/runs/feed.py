"""Follows runs for many viewers at once: one reader of Redis per process, and the rows for all it misses."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.backend.core import acting, ids
from app.backend.core import redis as names
from app.backend.core.db import AWAY, Database
from app.backend.core.run_events import STATUS_OF_END
from app.backend.core.stored_events import RunEvent
from app.backend.runs import engine_repository
from app.backend.runs.live import FIELD
from app.backend.runs.packing import Batch

logger = structlog.get_logger(__name__)

BATCH_EVENTS_MAX = 500
PENDING_BATCHES_MAX = 64
BLOCK_MILLISECONDS = 5_000
CHECK_SECONDS = 0.5
POLL_SECONDS = 0.2
REDIS_RETRY_SECONDS = 0.5


class _Follower:
    """One viewer of one run: what came live, and whether the rows have more."""

    def __init__(self) -> None:
        self._pending: deque[Batch] = deque()
        self._has_news = asyncio.Event()
        self._must_read = False
        self.is_gone = False

    def push(self, batch: Batch) -> None:
        """Add a live batch; a viewer that is too slow for them reads rows instead."""
        if len(self._pending) >= PENDING_BATCHES_MAX:
            self._pending.clear()
            self._must_read = True
        self._pending.append(batch)
        self._has_news.set()

    def look(self) -> None:
        """Make the viewer read rows."""
        self._must_read = True
        self._has_news.set()

    def leave(self) -> None:
        """Tell the viewer that the run is gone."""
        self.is_gone = True
        self._has_news.set()

    async def wait(self, seq: int) -> list[Batch] | None:
        """Return the live batches after `seq`; None when the rows have to be read."""
        await self._has_news.wait()
        self._has_news.clear()
        if self._must_read:
            self._must_read = False
            self._pending.clear()
            return None
        news: list[Batch] = []
        while self._pending:
            batch = self._pending.popleft()
            if batch.packed.first > seq + 1:
                # A hole. The rows have what is missing, and all that follows.
                self._pending.clear()
                return None
            if batch.packed.last > seq:
                is_next = batch.packed.first == seq + 1
                news.append(batch if is_next else batch.after(seq))
                seq = batch.packed.last
        return news


class RunFeed:
    """Gives every viewer the whole log of a run: what is stored, then what comes, nothing twice."""

    def __init__(self, db: Database, redis: Redis) -> None:
        self._db = db
        self._redis = redis
        self._followers: dict[UUID, set[_Follower]] = defaultdict(set)
        self._positions: dict[UUID, str] = {}
        self._seen: dict[UUID, int] = {}
        self._checked: dict[UUID, int] = {}
        self._wake_key = f"app:feed:{ids.new_id()}:wake"
        self._wake_position = "0-0"
        self._is_redis_up = True
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def followed(self) -> int:
        """How many runs are watched now."""
        return len(self._followers)

    async def follow(
        self, run_id: UUID, after: int = 0
    ) -> AsyncGenerator[list[RunEvent], None]:
        """Yield the events after `after` in batches, in order, until the run's last one.

        The caller has checked that the viewer may see the run.
        """
        async with aclosing(self.follow_batches(run_id, after)) as found:
            async for batches in found:
                yield [event for batch in batches for event in batch.events]

    async def follow_batches(
        self, run_id: UUID, after: int = 0
    ) -> AsyncGenerator[list[Batch], None]:
        """Yield the same as `follow`, packed as it came, for those who only pass it on."""
        follower = _Follower()
        seq = after
        try:
            await self._join(run_id, follower)
            follower.look()
            while not follower.is_gone:
                batches = await follower.wait(seq)
                if batches is None:
                    events = await self._read(run_id, seq)
                    if len(events) == BATCH_EVENTS_MAX:
                        follower.look()
                    if not events and await self._has_ended(run_id, seq):
                        return
                    batches = [Batch.of(events)] if events else []
                if not batches:
                    continue
                seq = batches[-1].packed.last
                yield batches
                if batches[-1].last_type in STATUS_OF_END:
                    return
        finally:
            self._part(run_id, follower)

    async def close(self) -> None:
        """End the reader and all viewers."""
        for followers in self._followers.values():
            for follower in followers:
                follower.leave()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _join(self, run_id: UUID, follower: _Follower) -> None:
        self._followers[run_id].add(follower)
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._read_redis(), name="run-feed"),
                asyncio.create_task(self._check_rows(), name="run-feed-check"),
            ]
        if run_id in self._positions:
            return
        self._positions[run_id] = "0-0"
        try:
            async with (
                asyncio.timeout(names.ANSWER_SECONDS),
                self._redis.pipeline(transaction=False) as pipe,
            ):
                # From here on; what is older comes from the rows, which are read after this.
                pipe.xrevrange(names.run_stream(run_id), count=1)
                # The reader waits for the streams it knew; this makes it look at the new one too.
                pipe.xadd(self._wake_key, {"run": str(run_id)}, maxlen=1)
                pipe.expire(self._wake_key, 3600)
                newest, *_ = await pipe.execute()
            self._positions[run_id] = newest[0][0] if newest else "0-0"
        except (RedisError, OSError, TimeoutError):
            self._is_redis_up = False

    def _part(self, run_id: UUID, follower: _Follower) -> None:
        self._followers[run_id].discard(follower)
        if not self._followers[run_id]:
            del self._followers[run_id]
            self._positions.pop(run_id, None)
            self._seen.pop(run_id, None)
            self._checked.pop(run_id, None)

    async def _read(self, run_id: UUID, after: int) -> list[RunEvent]:
        async with self._db.read() as session:
            return await engine_repository.list_events_after(
                session, run_id, after, limit=BATCH_EVENTS_MAX
            )

    async def _has_ended(self, run_id: UUID, seq: int) -> bool:
        async with self._db.read() as session:
            found = await engine_repository.find_progress(session, [run_id])
        progress = found.get(run_id)
        return progress is None or (
            progress.status.is_terminal and progress.last_seq <= seq
        )

    async def _read_redis(self) -> None:
        while True:
            try:
                await self._take_batches()
                self._is_redis_up = True
            except (RedisError, OSError) as error:
                if self._is_redis_up:
                    logger.warning("feed_reads_rows", error=str(error))
                self._is_redis_up = False
                await asyncio.sleep(REDIS_RETRY_SECONDS)

    async def _take_batches(self) -> None:
        runs = {names.run_stream(run_id): run_id for run_id in self._positions}
        streams = {key: self._positions[run_id] for key, run_id in runs.items()} | {
            self._wake_key: self._wake_position
        }
        found = await self._redis.xread(streams, block=BLOCK_MILLISECONDS)  # pyright: ignore[reportArgumentType] - a dict of str is invariant there
        for key, entries in found or ():
            position = entries[-1][0]
            if key == self._wake_key:
                self._wake_position = position
                continue
            run_id = runs[key]
            if run_id not in self._positions:
                continue
            self._positions[run_id] = position
            for _, fields in entries:
                # What a worker of an earlier version sends is read from the rows.
                if FIELD in fields:
                    self._push(Batch.from_json(run_id, fields[FIELD]))

    def _push(self, batch: Batch) -> None:
        run_id = batch.run_id
        self._seen[run_id] = max(self._seen.get(run_id, 0), batch.packed.last)
        for follower in self._followers.get(run_id, ()):
            follower.push(batch)

    async def _check_rows(self) -> None:
        # Finds what Redis lost; without Redis it is the way that all news takes.
        while True:
            await asyncio.sleep(CHECK_SECONDS if self._is_redis_up else POLL_SECONDS)
            try:
                await self._look_at(list(self._followers))
            except AWAY as error:
                logger.warning("feed_cannot_read_rows", error=str(error))

    async def _look_at(self, run_ids: Sequence[UUID]) -> None:
        if not run_ids:
            return
        # For all viewers at once; each has shown that the run is theirs to see.
        with acting.as_system():
            async with self._db.read() as session:
                found = await engine_repository.find_progress(session, run_ids)
        for run_id in run_ids:
            progress = found.get(run_id)
            followers = self._followers.get(run_id, ())
            if progress is None:
                for follower in followers:
                    follower.leave()
            elif followers and self._is_late(run_id, progress.last_seq):
                for follower in followers:
                    follower.look()

    def _is_late(self, run_id: UUID, stored: int) -> bool:
        """Tell whether events that were stored at the check before have still not come live."""
        # Events that were stored just now are on their way; a viewer that read their rows would do all the work twice.
        seen, before = self._seen.get(run_id, 0), self._checked.get(run_id, 0)
        self._checked[run_id] = stored
        wanted = before if self._is_redis_up else stored
        if seen >= wanted:
            return False
        self._seen[run_id] = stored
        return True
