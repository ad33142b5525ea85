"""What stands before a model, and what of its service's health is noted, in one call."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import pytest
from langchain_core.messages import HumanMessage

from app.backend.core import ids
from app.backend.core.actor import Actor, Role
from app.backend.core.errors import AppError
from app.backend.models.chosen import ChosenModel, OpenModel
from app.backend.models.request import Before, Caller
from app.backend.providers.adapters.scripted import ScriptedProvider
from app.backend.providers.base import ChatOptions
from app.backend.providers.breaker import Breaker
from app.backend.providers.errors import ModelUnavailable
from tests.unit.middleware.asking import Asker, make

AWAY = '{"error": "unavailable"}'


@dataclass
class Noted:
    """A breaker that notes how each call of the service ended, and gives leave as often as it is told."""

    leaves: int = 9
    calls: list[str] = field(default_factory=list[str])

    @asynccontextmanager
    async def asking(
        self, service: str, *, label: str = ""
    ) -> AsyncGenerator[None, None]:
        del service, label
        try:
            yield
        except ModelUnavailable:
            self.calls.append("failed")
            raise
        self.calls.append("answered")

    async def may_ask_again(self, service: str) -> bool:
        del service
        self.leaves -= 1
        return self.leaves >= 0


def _open(script: str, breaker: Noted, *middlewares: Any, **fields: Any) -> OpenModel:
    provider, options = ScriptedProvider(), ChatOptions()
    chosen = ChosenModel(
        name=f"scripted/{script}",
        model=script,
        provider=provider,
        service="scripted",
        provider_id=UUID(int=1),
        had_trouble=True,
    )
    actor = Actor(
        user_id=ids.new_id(), email="a@b.org", role=Role.USER, permissions=frozenset()
    )
    before = Before(Asker(*middlewares).chain, Caller(actor), options)
    chat = provider.make(script, options)
    kept = cast("Breaker", breaker)
    return OpenModel(chosen, chat, before=before, breaker=kept, **fields)


async def _ask(model: OpenModel) -> str:
    return "".join([chunk.text async for chunk in model.stream([HumanMessage("Hi")])])


async def test_answer_of_a_cache_says_nothing_of_the_service() -> None:
    breaker, told = Noted(), list[str]()

    async def tell(provider_id: UUID, trouble: str) -> None:
        del provider_id
        told.append(trouble)

    model = _open("hello", breaker, make("cache"), tell_trouble=tell)
    assert await _ask(model) == await _ask(model)

    assert (breaker.calls, told) == (["answered"], [""])


async def test_each_attempt_of_a_retry_is_noted_and_needs_leave() -> None:
    breaker = Noted(leaves=2)
    model = _open(AWAY, breaker, make("retry", attempts=5, pause=0))

    with pytest.raises(AppError):
        await _ask(model)

    assert breaker.calls == ["failed"] * 3
