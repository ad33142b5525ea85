"""A browser tab without a browser: it speaks the protocol of the pages' websocket."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import socketio  # pyright: ignore[reportMissingTypeStubs] - it ships none

from app.backend.core import ids
from app.cli.isolation.people import Person

_PATH = "_event"
_NAMESPACE = "/_event"
# An answer leads to a notice, and that is all.
_DEPTH = 3
_ANSWER_SECONDS = 30.0


async def connect(
    address: str, person: Person | None, namespace: str, *, token: str = ""
) -> socketio.AsyncClient:
    """Open a namespace of the websocket, as a page of this installation does.

    Raises:
        ConnectionError: of socketio: the server does not want it.
    """
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(
        f"{address}/?token={token}",
        headers=person.headers(address) if person else {"Origin": address},
        socketio_path=_PATH,
        namespaces=[namespace],
        transports=["websocket"],
    )
    return client


class Tab:
    """An open tab, and what it is told."""

    def __init__(self, client: socketio.AsyncClient, token: str, notices: str) -> None:
        self._client, self._token, self._notices = client, token, notices
        self._told: list[dict[str, Any]] = []
        self._marks: asyncio.Queue[str] = asyncio.Queue()
        self._mark = ""
        client.on("event", self._take, namespace=_NAMESPACE)

    async def send(
        self, place: str, *events: tuple[str, dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Send events in a row from a place, by their addresses and values, and return all that the tab is told then.

        Raises:
            TimeoutError: the server does not come to an end with them.
        """
        url = urlsplit(place)
        query = dict(parse_qsl(url.query))
        router = {"pathname": url.path, "query": query, "asPath": place}
        self._told = []
        for address, values in events:
            await self._emit(address, values, router)
        # Events of a tab are done in their order, and so are those that they ask for, each after what came before.
        for _ in range(_DEPTH):
            self._mark = str(ids.new_id())
            notice = {"id": self._mark, "kind": "info", "text": "mark"}
            await self._emit(self._notices, {"notice": notice}, router)
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._marks.get()
        return self._told

    async def _emit(
        self, address: str, values: dict[str, Any], router: dict[str, Any]
    ) -> None:
        event = {
            "name": address,
            "payload": values,
            "router_data": router,
            "token": self._token,
        }
        await self._client.emit("event", event, namespace=_NAMESPACE)

    async def _take(self, update: Any) -> None:
        found = json.loads(update) if isinstance(update, str) else update
        self._told.append(found)
        if self._mark and self._mark in json.dumps(found.get("delta", {})):
            self._marks.put_nowait(self._mark)
            self._mark = ""


@asynccontextmanager
async def open_tab(
    address: str, person: Person | None, *, notices: str
) -> AsyncGenerator[Tab, None]:
    """Open a tab, and close it at the end; `notices` is the event that shows a notice."""
    token = str(ids.new_id())
    client = await connect(address, person, _NAMESPACE, token=token)
    try:
        yield Tab(client, token, notices)
    finally:
        await client.disconnect()
