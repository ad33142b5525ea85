"""Clients of a Redis that goes away."""

import asyncio
from pathlib import Path

from redis.asyncio import Redis

from app.backend.core.redis import outlast_restart
from tests.parts import free_port
from tests.stack import Stack, redis_binary, start_redis


async def test_client_of_somebody_else_outlasts_a_restart(
    stack: Stack, tmp_path: Path
) -> None:
    port, binary = free_port(), redis_binary(stack.kind)
    server = start_redis(binary, tmp_path, port)
    client = Redis.from_url(f"redis://127.0.0.1:{port}")
    outlast_restart(client)
    await client.set("before", 1)
    server.kill()

    asked = [asyncio.ensure_future(client.set("after", n)) for n in range(3)]
    _, waiting = await asyncio.wait(asked, timeout=0.2)
    again = start_redis(binary, tmp_path, port)

    assert len(waiting) == 3
    assert await asyncio.gather(*asked) == [True] * 3
    await client.aclose()
    again.stop()
