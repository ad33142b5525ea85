"""ASGI apps on loopback, served by the event loop of a test."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from typing_extensions import override

from tests.parts import free_port

# Open connections may take a tenth of a second to end by themselves.
LOOKS = 20
LOOK_SECONDS = 0.005


@asynccontextmanager
async def served(app: Any) -> AsyncGenerator[str, None]:
    """Serve an app on a real port, and give its address."""
    config = uvicorn.Config(app, port=free_port(), log_config=None, lifespan="off")
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[config.bind_socket()]))
    try:
        yield f"http://127.0.0.1:{config.port}"
    finally:
        server.end.set()
        await serving


class _Server(uvicorn.Server):
    """Ends as soon as it is told to: uvicorn looks for that ten times a second, and then sleeps once more."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.end = asyncio.Event()

    @override
    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.end.wait()

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for one in sockets or []:
            one.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        for _ in range(LOOKS):
            if not (state.connections or state.tasks):
                break
            await asyncio.sleep(LOOK_SECONDS)
