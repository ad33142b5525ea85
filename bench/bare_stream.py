"""The floor of what an API streams: entries of Redis streams as Server-Sent Events, and nothing else."""

import os
import sys
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from tests.parts import Part, free_port

FIELD = b"data"
END = b"end"
_REDIS_URL = "BENCH_REDIS_URL"


@contextmanager
def bare_stream(redis_url: str) -> Generator[int, None, None]:
    """Serve the app as the product is served, by Granian; yields its port."""
    port = free_port()
    program = str(Path(sys.executable).parent / "granian")
    options = ["--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)]
    with tempfile.TemporaryDirectory(prefix="atelier-floor-") as folder:
        part = Part(
            [program, *options, "--factory", "bench.bare_stream:open_app"],
            log=Path(folder) / "stream.log",
            is_ready=lambda: httpx.get(f"http://127.0.0.1:{port}/").is_success,
            environment={**os.environ, _REDIS_URL: redis_url},
            cwd=Path(__file__).parent.parent,
        ).start()
        try:
            yield port
        finally:
            part.stop()


def open_app() -> Starlette:
    """Return the app; a path is the name of a stream."""
    redis = Redis.from_url(os.environ[_REDIS_URL])

    async def entries(key: str) -> AsyncGenerator[bytes, None]:
        position: bytes | str = "0-0"
        while True:
            found = await redis.xread({key: position}, block=5_000)
            for _, batch in found or ():
                position = batch[-1][0]
                for _, fields in batch:
                    yield b"data: " + fields[FIELD] + b"\n\n"
                    if fields[FIELD] == END:
                        return

    async def stream(request: Request) -> StreamingResponse:
        key = request.path_params["key"]
        return StreamingResponse(entries(key), media_type="text/event-stream")

    async def hello(_: Request) -> PlainTextResponse:
        return PlainTextResponse("ready")

    return Starlette(routes=[Route("/", hello), Route("/{key:path}", stream)])
