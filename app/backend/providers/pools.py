"""The HTTP connections of a process: its providers share them, so that a model costs no new connection.

The vendors' libraries speak through httpx or through httpx2, so there is a pool for each, opened at first use. URLs that
others than administrators have written go through pools of their own, which reach public addresses only.
"""

from typing import TYPE_CHECKING, Any

import httpx
from typing_extensions import override

from app.backend.core import tls
from app.backend.providers.public_only import make_transport

if TYPE_CHECKING:
    from openai import DefaultAsyncHttpxClient

SECONDS = 120.0
CONNECT_SECONDS = 10.0


class Kept(httpx.AsyncBaseTransport):
    """A transport that stays open when a client that uses it is closed."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._inner.handle_async_request(request)


class Pools:
    """Connections for providers; `close` ends all that were opened."""

    def __init__(self) -> None:
        self._opened: dict[tuple[str, bool], Any] = {}

    def client(self, *, is_trusted: bool) -> "DefaultAsyncHttpxClient":
        """Return the client for libraries that speak through httpx2; one that may reach any address asks the environment's proxy."""
        key = ("httpx2", is_trusted)
        if key not in self._opened:
            from app.backend.providers.adapters.openai_chat import open_client

            self._opened[key] = open_client(
                seconds=SECONDS,
                connect_seconds=CONNECT_SECONDS,
                is_public_only=not is_trusted,
            )
        return self._opened[key]

    def transport(self, *, is_trusted: bool) -> httpx.AsyncBaseTransport:
        """Return the transport for libraries that speak through httpx."""
        key = ("httpx", is_trusted)
        if key not in self._opened:
            self._opened[key] = _open_transport(is_trusted=is_trusted)
        return Kept(self._opened[key])

    async def close(self) -> None:
        """Close what was opened."""
        opened, self._opened = self._opened, {}
        for one in opened.values():
            await one.aclose()


def _open_transport(*, is_trusted: bool) -> httpx.AsyncBaseTransport:
    if is_trusted:
        return httpx.AsyncHTTPTransport(verify=tls.trusted())
    import httpcore

    return make_transport(httpx, httpcore)
