"""Gives up on a service that says nothing any more."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import TypeVar

from app.backend.providers.errors import ModelUnavailable

T = TypeVar("T")


async def until_silence(
    chunks: AsyncIterator[T], seconds: float | None, *, service: str
) -> AsyncGenerator[T, None]:
    """Yield what a service says, as long as it says something every `seconds`; None waits for ever.

    Raises:
        ModelUnavailable: it was silent for longer.
    """
    while True:
        patience = asyncio.timeout(seconds)
        try:
            async with patience:
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            if not patience.expired():
                raise
            message = f"The service of {service!r} has said nothing for {seconds:g} s. Try again; ATELIER_MODEL_SILENCE_SECONDS says how long it is waited for."
            raise ModelUnavailable(message, service=service) from error
        yield chunk
