"""Puts the API together: the routes, the door in front of them, and the errors behind them."""

from importlib.metadata import version

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from app.backend.api import (
    accounts,
    agent_socket,
    ai_ops,
    ai_ops_middleware,
    documentation,
    downloads,
    dynavera,
    errors,
    outside_logins,
    reading,
    second_factor,
    sign_up,
    system,
    task_socket,
    tokens,
)
from app.backend.api.guard import Guard
from app.backend.api.requests import API_PREFIXES, Requests
from app.backend.api.v1 import (
    agents,
    agui,
    audit,
    budgets,
    collections,
    documents,
    groups,
    keys,
    middleware,
    models,
    playground,
    providers,
    run_lists,
    run_log,
    runs,
    secrets,
    shares,
    tasks,
    tiers,
    tools,
    usage,
    users,
)
from app.backend.api.v1 import system as installation
from app.backend.api.v1 import threads as conversations
from app.backend.core.settings import Settings
from app.backend.identity.outside.issuers import list_issuers

_MODULES = (
    accounts,
    sign_up,
    second_factor,
    tokens,
    outside_logins,
    keys,
    secrets,
    reading,
    agents,
    shares,
    run_lists,
    runs,
    agui,
    run_log,
    conversations,
    collections,
    documents,
    tools,
    models,
    playground,
    middleware,
    providers,
    usage,
    budgets,
    users,
    groups,
    tiers,
    audit,
    dynavera,
    ai_ops,
    ai_ops_middleware,
    agent_socket,
    tasks,
    task_socket,
    downloads,
    system,
    installation,
    documentation,
)
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
_DESCRIPTION = """Everything that the pages do, for programs.

Send an API key as `Authorization: Bearer <key>`; make one in the settings or with `atelier key create`. An access
token of `POST /api/auth/token` goes there too.
Lists are `{items, next_cursor}`. Errors are JSON with an `error` and what to do about it."""


def make_api(settings: Settings) -> FastAPI:
    """Return the API; whoever serves it puts the process's parts into `api.state.services`."""
    api = FastAPI(
        title="Atelier",
        description=_DESCRIPTION,
        version=version("atelier"),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        responses={401: {"description": "Not signed in"}},
    )
    api.state.checker = system.Checker()
    api.state.outside_logins = outside_logins.OutsideLogins(list_issuers(settings))
    for module in _MODULES:
        api.include_router(module.router)
    for prefix in sorted(API_PREFIXES):
        for path in (f"/{prefix}", f"/{prefix}/{{rest:path}}"):
            api.add_api_route(
                path, _no_route, methods=_METHODS, include_in_schema=False
            )
    errors.install(api)
    # The last one added is the first one asked.
    api.add_middleware(Guard, settings=settings, routes=api.routes)
    api.add_middleware(Requests, settings=settings)
    return api


async def _no_route(request: Request) -> None:
    # Pages are served behind the API, and must not answer for its addresses.
    methods = {
        method
        for route in request.app.routes
        for method in _METHODS
        if not isinstance(route, Mount)
        and route.matches({**request.scope, "method": method})[0] is Match.FULL
        and getattr(route, "endpoint", None) is not _no_route
    }
    if methods:
        raise HTTPException(405, headers={"Allow": ", ".join(sorted(methods))})
    raise errors.no_route(request.url.path)
