"""Telling viewers at once: in order, over a Redis that comes and goes."""

import asyncio
from uuid import UUID

from redis.asyncio import Redis

from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.redis import run_stream
from app.backend.core.run_events import Log
from app.backend.core.stored_events import RunEvent
from app.backend.runs import live
from app.backend.runs.live import FIELD, LiveStreams
from app.backend.runs.packing import Batch

RUN = ids.new_id()


def _event(seq: int, run_id: UUID = RUN) -> RunEvent:
    return RunEvent.of(run_id, seq, clock.now(), Log(message=f"Line {seq}."))


async def _told(redis: Redis, run_id: UUID = RUN) -> list[int]:
    found = await redis.xrange(run_stream(run_id))
    batches = [Batch.from_json(run_id, entry[FIELD]) for _, entry in found]
    return [event.seq for batch in batches for event in batch.events]


async def test_all_is_told_in_order_by_the_time_it_is_closed(
    services: Services,
) -> None:
    streams = LiveStreams(services.blocking)
    for seq in range(1, 301):
        streams.add([[_event(seq)]])
    streams.close()

    told = await _told(services.redis)
    assert told == sorted(told)
    assert told[-1] == 300
    assert 0 < await services.redis.ttl(run_stream(RUN)) <= live.STREAM_SECONDS


async def test_redis_that_closes_the_connection_is_told_the_next_batch(
    services: Services,
) -> None:
    streams = LiveStreams(services.blocking)
    streams.add([[_event(1)]])
    # As when it is started anew.
    await services.redis.execute_command(
        "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"
    )
    await asyncio.to_thread(streams.add, [[_event(2)]])
    streams.close()

    assert await _told(services.redis) == [1, 2]


async def test_runs_that_were_stored_together_have_a_stream_each(
    services: Services,
) -> None:
    other = ids.new_id()
    streams = LiveStreams(services.blocking)
    streams.add([[_event(1), _event(2)], [], [_event(1, other)]])
    streams.close()

    assert await _told(services.redis) == [1, 2]
    assert await _told(services.redis, other) == [1]
