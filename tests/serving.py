"""The API and the live logs as a process of their own, without the pages."""

import asyncio

import socketio  # pyright: ignore[reportMissingTypeStubs] - it ships none
import uvicorn

from app.backend import bootstrap
from app.backend.api.app import make_api
from app.backend.api.feed import FeedNamespace
from app.backend.core import logging
from app.backend.core import settings as settings_module
from app.backend.core.settings import Settings

PATH = "_event"


async def serve(settings: Settings) -> None:
    """Serve until a signal comes."""
    async with bootstrap.build(settings) as services:
        api = make_api(settings)
        api.state.services = services
        sockets = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=[])
        sockets.register_namespace(FeedNamespace(lambda: services))
        config = uvicorn.Config(
            socketio.ASGIApp(sockets, api, socketio_path=PATH),
            host=settings.host,
            port=settings.port,
            log_config=None,
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
        await uvicorn.Server(config).serve()


def main() -> None:
    """Serve the installation of this process's settings."""
    settings = settings_module.load()
    logging.configure(settings, "web")
    asyncio.run(serve(settings))
