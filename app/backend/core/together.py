"""Work that is done at once, of which nothing is left running when a part fails."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

T = TypeVar("T")
U = TypeVar("U")


async def each(work: Iterable[Awaitable[T]]) -> list[T]:
    """Return what all of them give, in their order, or raise the first error once all have ended.

    A bare `asyncio.gather` raises at once, and the others go on unseen with connections that nobody waits for.
    """
    ends = await asyncio.gather(*work, return_exceptions=True)
    return [_result(end) for end in ends]


async def both(first: Awaitable[T], second: Awaitable[U]) -> tuple[T, U]:
    """Do what `each` does, for two of different kinds."""
    one, other = await asyncio.gather(first, second, return_exceptions=True)
    return _result(one), _result(other)


def _result(end: T | BaseException) -> T:
    if isinstance(end, BaseException):
        raise end
    return end
