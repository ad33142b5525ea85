"""A service that says nothing any more is given up."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from app.backend.providers.errors import ModelUnavailable
from app.backend.providers.silence import until_silence


async def _words(*, then_hangs: bool) -> AsyncGenerator[str, None]:
    for word in ("one", "two"):
        yield word
    if then_hangs:
        await asyncio.Event().wait()


async def test_what_is_said_is_passed_on_to_its_end() -> None:
    said = until_silence(_words(then_hangs=False), 5, service="x")

    assert [word async for word in said] == ["one", "two"]


async def test_silence_is_an_answer_that_does_not_come() -> None:
    said = until_silence(_words(then_hangs=True), 0.02, service="x")

    assert [await anext(said), await anext(said)] == ["one", "two"]
    with pytest.raises(ModelUnavailable, match="'x' has said nothing for"):
        await anext(said)
