"""Viewers of a log over HTTP: Server-Sent Events of a real web process, with patience for what is cut."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import httpx
from pydantic import ValidationError

from app.backend.core import clock
from app.backend.core.run_events import STATUS_OF_END
from app.backend.core.stored_events import RunEvent
from app.backend.identity import keys
from chaos.ground import Ground

RETRY_SECONDS = 0.2
NO_CONTENT = 204
_SEPARATOR = b"\n\n"
_DATA = b"data: "


@asynccontextmanager
async def open_client(ground: Ground) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Give a client with an API key of the owner."""
    async with ground.services.db.transaction() as session:
        new = await keys.create_key(session, ground.actor, name="chaos")
    limits = httpx.Limits(max_connections=600, max_keepalive_connections=50)
    async with httpx.AsyncClient(
        base_url=ground.services.settings.web_address,
        headers={"Authorization": f"Bearer {new.key}"},
        limits=limits,
        timeout=60,
    ) as client:
        yield client


@dataclass
class Viewer:
    """One viewer of one run, who comes back after the last event that it has whenever the line is cut."""

    client: httpx.AsyncClient
    run_id: UUID
    raw: list[bytes] = field(default_factory=list[bytes])
    delays: list[float] = field(default_factory=list[float])
    last_seq: int = 0
    has_ended: bool = False
    cuts: int = 0

    async def follow(self) -> None:
        """Read to the end of the run, however often the line is cut."""
        while not self.has_ended:
            with contextlib.suppress(httpx.HTTPError):
                await self.read()
            if not self.has_ended:
                self.cuts += 1
                await asyncio.sleep(RETRY_SECONDS)

    async def read(self, events_max: int | None = None) -> None:
        """Connect after the last event, and read until the line is cut, the run ends, or `events_max` have come."""
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(self.last_seq)}
        address = f"/api/v1/runs/{self.run_id}/events"
        async with self.client.stream("GET", address, headers=headers) as answer:
            if answer.status_code == NO_CONTENT:
                self.has_ended = True
                return
            answer.raise_for_status()
            if events_max == 0:
                return
            async with contextlib.aclosing(_messages(answer)) as messages:
                async for message in messages:
                    self._take(message)
                    events_max = events_max - 1 if events_max else None
                    if self.has_ended or events_max == 0:
                        return

    def events(self) -> list[RunEvent]:
        """Return what was read."""
        return [RunEvent.model_validate_json(data) for data in self.raw]

    def _take(self, data: bytes) -> None:
        try:
            event = RunEvent.model_validate_json(data)
        except ValidationError as error:
            message = f"The viewer cannot read {data[:200]!r}."
            raise AssertionError(message) from error
        self.raw.append(data)
        self.last_seq = event.seq
        self.delays.append((clock.now() - event.ts).total_seconds())
        self.has_ended = event.type in STATUS_OF_END


async def _messages(answer: httpx.Response) -> AsyncGenerator[bytes, None]:
    """Yield the data of each whole event; what was cut off in the middle is not one."""
    rest = b""
    chunks: AsyncIterator[bytes] = answer.aiter_bytes()
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(_SEPARATOR)
        for message in whole:
            for line in message.split(b"\n"):
                if line.startswith(_DATA):
                    yield line.removeprefix(_DATA)
