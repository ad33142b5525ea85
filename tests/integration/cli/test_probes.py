"""How a part shows that it is ready."""

import asyncio

import pytest

from app.cli import parts


async def _answer_with(line: bytes) -> asyncio.Server:
    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(line)
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


@pytest.mark.parametrize(
    ("line", "is_good"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 302 Found\r\n\r\n", False),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", False),
        (b"SSH-2.0-OpenSSH\r\n", False),
        (b"", False),
    ],
)
async def test_only_a_good_answer_shows_that_a_part_is_ready(
    line: bytes, is_good: bool
) -> None:
    server = await _answer_with(line)
    address = server.sockets[0].getsockname()
    ask = parts.http_probe(f"http://{address[0]}:{address[1]}/health")

    async with server:
        assert await ask(parts.ANY_PID) is is_good

    assert not await ask(parts.ANY_PID)
