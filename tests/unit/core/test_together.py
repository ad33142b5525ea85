"""Work that is done at once."""

import asyncio

import pytest

from app.backend.core.together import both, each


async def _fail(message: str) -> int:
    raise ValueError(message)


async def test_results_come_in_order() -> None:
    async def give(value: int, turns: int) -> int:
        for _ in range(turns):
            await asyncio.sleep(0)
        return value

    assert await each(give(value, 3 - value) for value in range(3)) == [0, 1, 2]
    assert await both(give(1, 2), give(2, 1)) == (1, 2)


async def test_nothing_runs_on_after_an_error() -> None:
    ended = list[str]()

    async def take_long() -> int:
        for _ in range(5):
            await asyncio.sleep(0)
        ended.append("long")
        return 1

    with pytest.raises(ValueError, match="at once"):
        await both(_fail("at once"), take_long())
    with pytest.raises(ValueError, match="first"):
        await each([take_long(), _fail("first"), _fail("second")])

    assert ended == ["long", "long"]
