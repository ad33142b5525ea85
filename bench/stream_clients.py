"""Clients of streams, in a process of their own: how old each token is when it comes."""

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from time import time

RATE = 40
# Tokens that come close together are one event, whose time is that of the first one.
EVENT = re.compile(
    rb'"ts":"([^"]+)","type":"message_delta","payload":\{[^}]*"text":"([^"]*)"'
)
Heard = tuple[float, bytes, bytes]


def listen(
    port: int, paths: Sequence[str], cookie: str, since: float, until: float
) -> list[float]:
    """Read streams until the server ends them; returns the ages in milliseconds of what was made in that time."""
    return asyncio.run(_listen(port, paths, cookie, since, until))


async def _listen(
    port: int, paths: Sequence[str], cookie: str, since: float, until: float
) -> list[float]:
    heard: list[Heard] = []
    await asyncio.gather(*(_read(port, path, cookie, heard) for path in paths))
    # Looked into only now, so that the clients have time to listen.
    made = [
        (at, one)
        for at, ts, text in heard
        for one in times_of(datetime.fromisoformat(ts.decode()), text.decode())
    ]
    return [(at - then) * 1000 for at, then in made if since <= then < until]


def times_of(first: datetime, text: str) -> list[float]:
    """Return when each word of an event was made, by a model that keeps its pace."""
    return [first.timestamp() + n / RATE for n in range(len(text.split()))]


async def _read(port: int, path: str, cookie: str, heard: list[Heard]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Cookie: {cookie}",
        "Accept: text/event-stream",
        "Connection: close",
        "\r\n",
    )
    writer.write("\r\n".join(lines).encode())
    status = await reader.readline()
    assert b" 200 " in status, status
    rest = b""
    while data := await reader.read(65536):
        now = time()
        whole, end, rest = (rest + data).rpartition(b"\n")
        heard += [(now, ts, text) for ts, text in EVENT.findall(whole + end)]
    writer.close()
