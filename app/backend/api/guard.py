"""The door of the port: closed to whoever is not known, except for what this file opens."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from app.backend.api import auth, origin
from app.backend.api.errors import response_of
from app.backend.core import acting
from app.backend.core.actor import Actor
from app.backend.core.errors import AppError, Forbidden, Unauthorized
from app.backend.core.settings import Settings
from app.backend.identity import cookies
from app.backend.identity.errors import SecondFactorDemanded

OPEN_PATHS = frozenset(
    {
        "/api/auth/choose-password",
        "/api/auth/first-run",
        "/api/auth/forgot-password",
        "/api/auth/login",
        "/api/auth/login-code",
        "/api/auth/logout",
        "/api/auth/signup",
        "/api/auth/token",
        "/health",
        "/health/live",
        "/health/ready",
        "/health/startup",
        "/version",
    }
)
# What somebody may do who has to set up a second factor first.
SETUP_PATHS = frozenset(
    {
        "/api/auth/me",
        "/api/auth/second-factor",
        "/api/auth/second-factor/confirm",
    }
)
SETUP_PAGE = "/second-factor"
# The way to another service and back: nobody is signed in yet, and the routes check what is sent.
OUTSIDE_PREFIX = "/api/auth/oauth/"
# Downloads carry a signature, which their route checks.
SIGNED_PREFIX = "/files/"
OPEN_PREFIXES = (OUTSIDE_PREFIX, SIGNED_PREFIX)
# Reflex's websocket serves the login page too: each of its events looks the session up.
SOCKET_PREFIX = "/_event"
FRONT_END = "frontend"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class OriginRefused(Forbidden):
    """A page of another site, or an unknown host name, tried to use somebody's login."""

    code = "ORIGIN_REFUSED"

    def __init__(self, address: str) -> None:
        super().__init__(
            f"This request did not come from a page of this installation. Open {address}, or set ATELIER_PUBLIC_URL to the address that you use. Programs send an API key instead."
        )


class Guard:
    """Lets in who is signed in or has a key, and checks where a browser's request comes from."""

    def __init__(
        self, app: ASGIApp, *, settings: Settings, routes: Iterable[BaseRoute]
    ) -> None:
        self._app = app
        self._settings = settings
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "lifespan":
            connection = HTTPConnection(scope)
            try:
                whose = await self._admit(connection)
            except AppError as error:
                await _refuse(connection, error, receive, send)
                return
            with whose:
                await self._app(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _admit(self, connection: HTTPConnection) -> AbstractContextManager[None]:
        """Return in whose name the request is answered."""
        path = connection.scope["path"]
        if _is_below(path, SOCKET_PREFIX):
            self._check_socket(connection.headers)
            _seal_cookies(connection)
        elif path in OPEN_PATHS or path.startswith(OPEN_PREFIXES):
            self._check_open(connection)
            return acting.as_gate()
        elif not self._is_front_end(connection.scope):
            actor = await self._authenticate(connection)
            return acting.as_user(actor.user_id, is_reading=actor.is_reading)
        return acting.as_nobody()

    async def _authenticate(self, connection: HTTPConnection) -> Actor:
        if auth.bearer_of(connection) is None and "cookie" in connection.headers:
            self._check_cookie(connection)
        actor = await auth.find_actor(connection)
        if actor is None:
            raise Unauthorized
        if actor.must_add_factor and connection.scope["path"] not in SETUP_PATHS:
            raise SecondFactorDemanded
        await auth.count_request(connection, actor)
        auth.set_actor(connection, actor)
        return actor

    def _check_cookie(self, connection: HTTPConnection) -> None:
        headers = connection.headers
        is_reading = connection.scope.get("method") in _SAFE
        is_fine = (
            not origin.is_foreign(headers, self._settings)
            and origin.is_known_host(headers, self._settings)
            if is_reading
            else origin.is_same_origin(headers, self._settings)
        )
        if not is_fine:
            raise OriginRefused(self._settings.web_address)

    def _check_open(self, connection: HTTPConnection) -> None:
        is_writing = connection.scope.get("method") not in _SAFE
        if is_writing and origin.is_foreign(connection.headers, self._settings):
            raise OriginRefused(self._settings.web_address)

    def _check_socket(self, headers: Headers) -> None:
        if not origin.is_same_origin(headers, self._settings):
            raise OriginRefused(self._settings.web_address)

    def _is_front_end(self, scope: Scope) -> bool:
        is_reading = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        return is_reading and _leads_to_front_end(self._routes, scope)


def _leads_to_front_end(routes: Iterable[BaseRoute], scope: Scope) -> bool:
    for route in routes:
        match, child = route.matches(scope)
        if match is Match.NONE:
            continue
        if not isinstance(route, Mount):
            return False
        return route.name == FRONT_END or _leads_to_front_end(
            route.routes, {**scope, **child}
        )
    return False


def _seal_cookies(connection: HTTPConnection) -> None:
    keyring = auth.parts_of(connection).keyring
    connection.scope["headers"] = [
        (name, cookies.seal_header(value.decode("latin-1"), keyring).encode())
        if name == b"cookie"
        else (name, value)
        for name, value in connection.scope["headers"]
    ]


def _is_below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


async def _refuse(
    connection: HTTPConnection, error: AppError, receive: Receive, send: Send
) -> None:
    scope = connection.scope
    if scope["type"] == "http":
        await _answer(connection, error)(scope, receive, send)
    elif "websocket.http.response" in scope.get("extensions", {}):
        denial = response_of(error)
        headers = denial.raw_headers
        start = {"type": "websocket.http.response.start", "status": denial.status_code}
        await send({**start, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": denial.body})
    else:
        await send({"type": "websocket.close", "code": 1008, "reason": error.code})


def _answer(
    connection: HTTPConnection, error: AppError
) -> JSONResponse | RedirectResponse:
    is_browser = "text/html" in connection.headers.get("accept", "")
    is_reading = connection.scope["method"] in ("GET", "HEAD")
    if isinstance(error, SecondFactorDemanded) and is_browser and is_reading:
        return RedirectResponse(SETUP_PAGE, 303)
    if isinstance(error, Unauthorized) and is_browser and is_reading:
        url = connection.url
        place = f"{url.path}?{url.query}" if url.query else url.path
        return RedirectResponse(f"/login?next={quote(place, safe='/')}", 303)
    return response_of(error)
