"""What happens to every request first: one form of its path, an id, a size limit, a last resort for errors."""

from uuid import UUID

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.backend.api.errors import BodyTooLarge, internal_error, response_of
from app.backend.core import caller, correlation, ids
from app.backend.core.settings import Settings

logger = structlog.get_logger(__name__)

API_PREFIXES = frozenset(
    {"agent", "api", "docs", "files", "health", "mcp", "openapi.json", "v1", "version", "ws"}
)  # fmt: skip
CORRELATION_HEADER = "X-Correlation-Id"
_ASKED_IN = (CORRELATION_HEADER, "X-Request-Id")
JSON_BYTES_MAX = 1024 * 1024
UPLOADS_PER_REQUEST = 20
_DRAINED_MAX = 256 * 1024 * 1024


def is_api(path: str) -> bool:
    """Tell whether the path is the API's, and not a page's."""
    return path.split("/", 2)[1] in API_PREFIXES if path.startswith("/") else False


class Requests:
    """Prepares each request, and answers what nobody expected with an id instead of a text."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self._app = app
        self._proxies = settings.trusted_proxies
        self._upload_max = settings.upload_max_bytes * UPLOADS_PER_REQUEST

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        correlation_id = _asked_for(scope) or ids.new_id()
        scope = _without_slash(scope)
        caller.begin(_address_of(scope, self._proxies))
        with correlation.bound(correlation_id):
            if scope["type"] == "websocket":
                await self._app(scope, receive, send)
            else:
                await self._serve(scope, receive, send, correlation_id)

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, correlation_id: UUID
    ) -> None:
        is_answered = False

        async def send_with_id(message: Message) -> None:
            nonlocal is_answered
            if message["type"] == "http.response.start":
                is_answered = True
                if is_api(scope["path"]):
                    headers = MutableHeaders(scope=message)
                    headers[CORRELATION_HEADER] = str(correlation_id)
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        body = _Body(scope, receive, self._limit(scope))
        try:
            if body.is_announced_too_large:
                await body.drain()
                await response_of(BodyTooLarge(body.bytes_max))(
                    scope, receive, send_with_id
                )
            else:
                await self._app(scope, body.receive, send_with_id)
        except Exception:
            logger.exception("request_failed", path=scope["path"])
            if is_answered:
                raise
            await internal_error(correlation_id)(scope, receive, send_with_id)

    def _limit(self, scope: Scope) -> int:
        kind = Headers(scope=scope).get("content-type", "")
        is_upload = kind.lower().startswith("multipart/form-data")
        return self._upload_max if is_upload else JSON_BYTES_MAX


class _Body:
    def __init__(self, scope: Scope, receive: Receive, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self._receive = receive
        self._received = 0
        length = Headers(scope=scope).get("content-length", "")
        self.is_announced_too_large = length.isdecimal() and int(length) > bytes_max

    async def receive(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        if self._received > self.bytes_max:
            raise BodyTooLarge(self.bytes_max)
        return message

    async def drain(self) -> None:
        """Read what comes: a client that is still sending would not read our answer."""
        while self._received < _DRAINED_MAX:
            message = await self._receive()
            self._received += len(message.get("body", b""))
            if not message.get("more_body", False):
                return


def _address_of(scope: Scope, proxies: int) -> str:
    peer, _ = scope.get("client") or ("", 0)
    forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
    return caller.address_of(peer, forwarded, proxies)


def _asked_for(scope: Scope) -> UUID | None:
    headers = Headers(scope=scope)
    found = (correlation.parse(headers.get(name)) for name in _ASKED_IN)
    return next(filter(None, found), None)


def _without_slash(scope: Scope) -> Scope:
    # The documents that our paths come from mix both forms.
    path: str = scope["path"]
    if len(path) > 1 and path.endswith("/") and is_api(path):
        path = path.rstrip("/")
        return {**scope, "path": path, "raw_path": path.encode()}
    return scope
