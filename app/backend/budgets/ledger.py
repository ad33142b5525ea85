"""What is spent and set aside of each budget, in Redis; the rows of usage are the truth, and are read when it is lost.

Setting aside is one step for all budgets of a call. A call that was made is settled after its row is committed. Who
reads the rows gives what they read a generation; a call that ends in another generation than it began in may be in the
rows that were read or not, so they are read once more. So nothing is counted twice or forgotten, whatever is lost when.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.backend.budgets import repository, scripts
from app.backend.budgets.caps import Cap, Payer
from app.backend.budgets.errors import BudgetsAway
from app.backend.core import ids
from app.backend.core import redis as names
from app.backend.core.db import Database, Session, after_commit
from app.backend.core.stored_events import RunEvent

logger = structlog.get_logger(__name__)

T = TypeVar("T")

# In an empty Redis nobody has set anything aside: those whose calls go on say so again within this time.
GRACE_SECONDS = 2.0
RENEW_SECONDS = 0.5
# What a Redis that came back with older data says is put right by then.
BELIEVED_SECONDS = 600
# Longer than the longest period of days; of one that lasts for ever it counts from the last call.
TOLD_SECONDS = 40 * 86_400
NO_LIMIT = -1


@dataclass(frozen=True)
class Slot:
    """A budget in a period, the most that a call may take of it, and where the budget ends; `limit` may be NO_LIMIT."""

    cap: Cap
    period: str
    wanted: int
    limit: int = NO_LIMIT

    @property
    def keys(self) -> tuple[str, str, str]:
        """Where it is in Redis: what is spent, what is set aside, and who reads the rows."""
        key = names.budget(self.cap.account, self.cap.unit, self.period)
        return key, f"{key}:held", f"{key}:reading"


@dataclass(frozen=True)
class Held:
    """It is set aside; `spent` was spent before of each, as read in a `generation`."""

    spent: Sequence[int]
    generations: Sequence[str]


@dataclass(frozen=True)
class Full:
    """These are used up, each with what is spent."""

    slots: Sequence[tuple[Slot, int]]


@dataclass(frozen=True)
class Busy:
    """There is something left, and calls that go on may need it all."""

    slots: Sequence[Slot]


class Ledger:
    """Sets aside, renews and settles what calls take."""

    def __init__(self, redis: Redis, db: Database, *, lease_seconds: float) -> None:
        self._redis, self._db = redis, db
        self._lease = round(lease_seconds * 1000)
        self._reserve = redis.register_script(scripts.RESERVE)
        self._renew = redis.register_script(scripts.RENEW)
        self._settle = redis.register_script(scripts.SETTLE)
        self._load = redis.register_script(scripts.LOAD)

    async def reserve(self, call_id: UUID, slots: Sequence[Slot]) -> Held | Full | Busy:
        """Set the most that a call may take aside on all budgets, or on none.

        Raises:
            BudgetsAway: Redis does not answer.
        """
        keys = [names.budgets_ready(), *_keys(slots)]
        args: list[Any] = [str(call_id), self._lease, round(GRACE_SECONDS * 1000)]
        for slot in slots:
            args += [slot.wanted, slot.limit]
        while True:
            kind, *found = await _answer(self._reserve(keys=keys, args=args))
            match kind:
                case "wait":
                    await asyncio.sleep(int(found[0]) / 1000)
                case "missing":
                    for index in found:
                        await self._read(slots[int(index)])
                case "full":
                    pairs = zip(found[::2], found[1::2], strict=True)
                    return Full([(slots[int(n)], int(spent)) for n, spent in pairs])
                case "busy":
                    return Busy([slots[int(index)] for index in found])
                case _:
                    spent = [int(one) for one in found[::2]]
                    return Held(spent, generations=found[1::2])

    async def renew(self, call_id: UUID, slots: Sequence[Slot], held: Held) -> None:
        """Say that the call goes on, also to a Redis that has forgotten it; one that is away is not waited for."""
        args: list[Any] = [str(call_id), self._lease]
        for slot, generation in zip(slots, held.generations, strict=True):
            args += [slot.wanted, generation]
        keys = [slot.keys[1] for slot in slots]
        await self._tell(self._renew(keys=keys, args=args), "budget_not_renewed")

    async def settle(self, call_id: UUID, took: Sequence[tuple[Slot, int]]) -> None:
        """Put what a call took in the place of what was set aside; its row is committed."""
        slots = [slot for slot, _ in took]
        args = [str(call_id), self._lease, *(amount for _, amount in took)]
        asked = self._settle(keys=_keys(slots), args=args)
        await self._tell(asked, "budget_not_settled")

    async def is_first_to_tell(self, slot: Slot) -> bool:
        """Whether nobody has told that a budget, as it is now, is nearly used up in its period; only the first is answered so.

        While Redis is away nobody is: it is left to another run.
        """
        changed = slot.cap.changed_at
        key = f"{slot.keys[0]}:told:{changed.timestamp() if changed else ''}"
        # Who asks keeps it from being forgotten: one that lasts for ever is told once too.
        asked = self._redis.set(key, "1", get=True, ex=TOLD_SECONDS)
        try:
            return await _answer(asked) is None
        except BudgetsAway:
            return False

    async def _read(self, slot: Slot) -> None:
        """Read the rows, unless somebody else has."""
        spent, _, reading = slot.keys
        generation = ids.new_id().hex
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.sadd(reading, generation)
            pipe.pexpire(reading, self._lease * 10)
            await _answer(pipe.execute())
        async with self._db.read() as session:
            found = await repository.count_spent(session, slot.cap, slot.period)
        args = [generation, found, BELIEVED_SECONDS * 1000]
        await _answer(self._load(keys=[spent, reading], args=args))

    async def _tell(self, asked: Awaitable[Any], event: str) -> None:
        try:
            await _answer(asked)
        except BudgetsAway:
            # What was set aside runs out, and then the rows are read.
            logger.warning(event)


async def read_anew(
    session: Session, redis: Redis, payer: Payer, events: Sequence[RunEvent]
) -> None:
    """Let the rows of the payer's budgets be read again after the commit: some tell of calls that nobody settles."""
    days = {event.ts.date() for event in events}
    caps = await repository.list_caps(session, payer)
    slots = [Slot(cap, cap.period_of(payer, day), 0) for cap in caps for day in days]
    keys = [key for slot in slots for key in (slot.keys[0], slot.keys[2])]
    if keys:
        after_commit(session, lambda: _forget(redis, keys))


async def _forget(redis: Redis, keys: Sequence[str]) -> None:
    with suppress(BudgetsAway):
        await _answer(redis.delete(*keys))


def _keys(slots: Sequence[Slot]) -> list[str]:
    return [key for slot in slots for key in slot.keys]


async def _answer(asked: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(names.ANSWER_SECONDS):
            return await asked
    except (RedisError, OSError, TimeoutError) as error:
        logger.warning("budgets_away", error=repr(error))
        raise BudgetsAway from error
