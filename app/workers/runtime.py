"""The process that owns the local models: chat, embeddings, and whole agents, over HTTP."""

import asyncio
import sys
from typing import Any

import uvicorn
from fastmcp import FastMCP
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from app.backend import bootstrap
from app.backend.api import auth
from app.backend.bootstrap import Services
from app.backend.core import logging
from app.backend.core import settings as settings_module
from app.backend.core.actor import Actor
from app.backend.core.errors import AppError
from app.backend.core.settings import Settings
from app.backend.identity import credentials
from app.backend.identity.request_limits import Window
from app.backend.knowledge.local_embedders import make_local_embedder
from app.backend.models import files
from app.backend.models.local import (
    LocalModel,
    find_local_model,
    needed_files,
    open_shelf,
)
from app.backend.providers.local_engine import LocalEngine
from app.workers.runtime_agents import AgentRoutes
from app.workers.runtime_auth import Authenticate, FindActor
from app.workers.runtime_edge import edge
from app.workers.runtime_models import ModelRoutes
from app.workers.runtime_tools import RuntimeTools

GRACE_SECONDS = 5


def main() -> None:
    """Serve until told to stop."""
    settings = settings_module.load()
    logging.configure(settings, "runtime")
    try:
        asyncio.run(serve(settings))
    except AppError as error:
        sys.exit(error.message)


async def serve(settings: Settings) -> None:
    """Open the parts, serve, and close them."""
    for file in needed_files(settings):
        files.find_file(file, settings.models_dir)
    model = find_local_model(settings)
    engine = make_engine(settings, model)
    embedder = make_local_embedder(
        settings.embedder,
        model=files.EMBEDDER.path(settings.models_dir),
        tokenizer=files.TOKENIZER.path(settings.models_dir),
    )
    try:
        # Agents that run in this process reach the local model at its own address.
        own = settings.model_copy(update={"runtime_url": own_address(settings)})
        async with bootstrap.build(own, local_embedder=embedder) as services:
            config = uvicorn.Config(
                make_app(services, engine, model),
                host=settings.runtime_host,
                port=settings.runtime_port,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
            await uvicorn.Server(config).serve()
    finally:
        await engine.close()


def own_address(settings: Settings) -> str:
    """Return the URL at which this process reaches itself."""
    host = settings.runtime_host
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return (
        f"http://[{host}]:{settings.runtime_port}"
        if ":" in host
        else f"http://{host}:{settings.runtime_port}"
    )


def make_engine(settings: Settings, model: LocalModel) -> LocalEngine:
    """Return the engine for `model`; it loads nothing yet."""
    return LocalEngine(
        model.path,
        context=model.context,
        threads=settings.local_model_threads,
        idle_seconds=settings.local_model_idle_seconds,
    )


def make_app(services: Services, engine: LocalEngine, model: LocalModel) -> ASGIApp:
    """Return the runtime's web application."""
    server: FastMCP[Any] = FastMCP("Atelier runtime", mask_error_details=True)
    shelf = open_shelf(services.settings)
    ModelRoutes(engine, model, services.embedder, shelf).add_to(server)
    RuntimeTools(services, engine).add_to(server)
    execute = edge(AgentRoutes(services).execute)
    server.custom_route("/execute", methods=["POST"])(execute)

    @server.custom_route("/health", methods=["GET"])
    async def health(_request: Request) -> Response:
        return JSONResponse(
            {
                "status": "ok",
                "model": model.name,
                "is_model_loaded": engine.is_loaded,
                "queue_length": engine.queue_length,
            }
        )

    guard = Middleware(
        Authenticate,
        token=services.keyring.token("runtime"),
        find_actor=_find_actor(services),
    )
    return server.http_app(path="/mcp", middleware=[guard], stateless_http=True)


def _find_actor(services: Services) -> FindActor:
    async def find(key: str) -> Actor | None:
        presented = await credentials.find_by_bearer(services, key)
        if presented is None or presented.actor.must_add_factor:
            return None
        await services.request_limits.count(presented.actor, Window.PROGRAMS)
        await auth.note_use(services, presented)
        return presented.actor

    return find


if __name__ == "__main__":
    main()
