"""Telling viewers at once: in order, over a Redis that comes and goes."""

import asyncio

from redis.asyncio import Redis

from app.backend.bootstrap import Services
from app.backend.core import clock, ids
from app.backend.core.redis import run_stream
from app.backend.core.run_events import Log
from app.backend.core.stored_events import RunEvent
from app.backend.runs import live
from app.backend.runs.live import FIELD, LiveStream
from app.backend.runs.packing import Batch

RUN = ids.new_id()


def _event(seq: int) -> RunEvent:
    return RunEvent.of(RUN, seq, clock.now(), Log(message=f"Line {seq}."))


async def _told(redis: Redis) -> list[int]:
    found = await redis.xrange(run_stream(RUN))
    batches = [Batch.from_json(RUN, entry[FIELD]) for _, entry in found]
    return [event.seq for batch in batches for event in batch.events]


async def test_all_is_told_in_order_by_the_time_it_is_closed(
    services: Services,
) -> None:
    stream = LiveStream(services.blocking, RUN)
    for seq in range(1, 301):
        stream.add([_event(seq)])
    stream.close()

    told = await _told(services.redis)
    assert told == sorted(told)
    assert told[-1] == 300
    assert 0 < await services.redis.ttl(run_stream(RUN)) <= live.STREAM_SECONDS


async def test_redis_that_closes_the_connection_is_told_the_next_batch(
    services: Services,
) -> None:
    stream = LiveStream(services.blocking, RUN)
    stream.add([_event(1)])
    # As when it is started anew.
    await services.redis.execute_command(
        "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"
    )
    await asyncio.to_thread(stream.add, [_event(2)])
    stream.close()

    assert await _told(services.redis) == [1, 2]


async def test_what_is_added_after_the_end_is_not_sent(services: Services) -> None:
    stream = LiveStream(services.blocking, RUN)
    stream.add([_event(1)])
    stream.close()
    stream.add([_event(2)])

    assert await _told(services.redis) == [1]
