"""The API for a test: what FastAPI works out for its routes is worked out once a session, as it is once a process."""

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from app.backend.api import app as product
from app.backend.core.settings import Settings
from tests.stack import settings_of


def make_api(settings: Settings) -> FastAPI:
    """Return an API of its own, with the routes that were made ready for the first one."""
    api, ready = product.make_api(settings), _ready()
    routes, count = api.router.routes, len(api.router.routes)
    for number, route in enumerate(ready.router.routes):
        if hasattr(route, "original_router"):
            routes[number] = route
    describe = api.openapi

    def openapi() -> dict[str, Any]:
        # A test may have added a route.
        return ready.openapi() if len(routes) == count else describe()

    api.openapi = openapi
    return api


@cache
def _ready() -> FastAPI:
    return product.make_api(settings_of(Path("nowhere")))
