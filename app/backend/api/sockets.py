"""What our websockets share: messages both ways, signs of life, and an end soon after the login's."""

import asyncio
import json
from typing import Any, TypeVar
from uuid import UUID

from fastapi import WebSocket
from pydantic import TypeAdapter, ValidationError

from app.backend.api import auth, sse
from app.backend.api.errors import details_of
from app.backend.core import clock
from app.backend.core.errors import AppError, Invalid

TEXT_CHARACTERS_MAX = 200_000
# Proxies close a connection on which nothing was said for long, often after a minute.
SILENCE_SECONDS = 10.0
DONE = 1000
_POLICY_VIOLATION = 1008

Message = dict[str, Any]
T = TypeVar("T")


class Line:
    """One open websocket of a known caller."""

    def __init__(self, socket: WebSocket) -> None:
        self.actor = auth.actor_of(socket)
        self.parts = auth.parts_of(socket)
        self._socket = socket
        self._sending = asyncio.Lock()
        self._sent_at = clock.monotonic()

    async def send(self, message: Message) -> None:
        """Send a message; several tasks may do so at once."""
        async with self._sending:
            self._sent_at = clock.monotonic()
            await self._socket.send_text(json.dumps(message, ensure_ascii=False))

    async def receive(self) -> str | None:
        """Return the next message, "" for one that is no text; None when the other side is gone."""
        received = await self._socket.receive()
        if received["type"] == "websocket.disconnect":
            return None
        return received.get("text") or ""

    async def count(self) -> None:
        """Count a message that asks for something, as a request is counted.

        Raises:
            TooManyRequests: it is one too many.
        """
        await auth.count_request(self._socket, self.actor)

    async def close(self, error: AppError | None = None) -> None:
        """Close it: all is said, or `error` says why not.

        Nobody may be waiting for a message meanwhile: granian would not tell the other side.
        """
        if error is not None:
            await self.send(error_message(error))
        await self._socket.close(DONE if error is None else _POLICY_VIOLATION)

    async def watch(self) -> None:
        """Break silences, and return when the caller's login has ended."""
        while await auth.is_still_signed_in(self._socket):
            if clock.monotonic() - self._sent_at >= SILENCE_SECONDS:
                await self.send({"type": "ping"})
            await asyncio.sleep(sse.CHECK_SECONDS)


def error_message(error: AppError) -> Message:
    """Return what answers a message that cannot be followed."""
    return {"type": "error", "message": error.message}


def parse_id(text: str, field: str, what: str) -> UUID:
    """Return the id in an address.

    Raises:
        Invalid: it is none.
    """
    try:
        return UUID(text)
    except ValueError:
        message = f"{text!r} is not the id of {what}."
        raise Invalid.field(field, message) from None


def parse_message(text: str, kinds: TypeAdapter[T], key: str) -> T:
    """Return the message in `text`; `key` names its kind.

    Raises:
        Invalid: it is no JSON object, too long, or none of the kinds.
    """
    if len(text) > TEXT_CHARACTERS_MAX:
        message = f"The message is longer than {TEXT_CHARACTERS_MAX:,} characters. Upload large texts as documents."
        raise Invalid.field("body", message)
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        message = f"Send the text of a JSON object with {key!r}, not binary data."
        raise Invalid.field("body", message)
    try:
        return kinds.validate_python(given)
    except ValidationError as error:
        details = details_of(error.errors())
        raise Invalid(
            {
                name: [f"{name}: {text}" for text in texts]
                for name, texts in details.items()
            }
        ) from None
