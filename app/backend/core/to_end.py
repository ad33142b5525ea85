"""Work that must be done although whoever waits for it is cancelled, such as counting what was paid."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import anyio


async def to_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait for `work` also when whoever waits is cancelled, once or again and again; then they hear of it."""
    task, is_cancelled = asyncio.create_task(work), False
    # A request whose reader has left is cancelled by a scope, anew at each wait.
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                is_cancelled = True
    if is_cancelled:
        raise asyncio.CancelledError
    task.result()
