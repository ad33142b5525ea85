"""JSON over HTTP to another part of the installation: one kept connection, and little work a call."""

from collections.abc import Mapping
from typing import Any

import aiohttp
from pydantic_core import from_json, to_json

from app.backend.core import tls

# A server of ours closes what was idle for five seconds; we let go before it does.
_IDLE_SECONDS_MAX = 4
_CONNECT_SECONDS_MAX = 3

# What `Peer.call` raises when the part does not answer, or not as agreed.
PEER_ERRORS = (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError)


class NotThere(Exception):
    """The part says that what was asked for does not exist."""


class Peer:
    """Connects at the first call, so that it may be made before a fork; it then belongs to that event loop."""

    def __init__(
        self, url: str, *, headers: Mapping[str, str], seconds_max: float
    ) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Content-Type": "application/json", **headers}
        self._timeout = aiohttp.ClientTimeout(
            total=seconds_max, connect=_CONNECT_SECONDS_MAX
        )
        self._http: aiohttp.ClientSession | None = None

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """Return the answer's JSON, None when it has no body.

        Raises:
            NotThere: the answer is 404.
            PEER_ERRORS: no answer, or another one than success.
        """
        sent = None if body is None else to_json(body)
        http = self._http or self._open()
        async with http.request(method, self._url + path, data=sent) as answer:
            received = await answer.read()
            if answer.status == 404:
                raise NotThere
            answer.raise_for_status()
        return from_json(received) if received else None

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    def _open(self) -> aiohttp.ClientSession:
        # httpx takes twice the processor time for a call, and every search makes three.
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=tls.trusted(), keepalive_timeout=_IDLE_SECONDS_MAX
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            timeout=self._timeout,
        )
        return self._http
