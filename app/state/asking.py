"""Several models that answer one question at once, for the playground."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ConfigDict

from app.backend.agents import playground
from app.backend.agents.playground import Trial, TrialFigures
from app.backend.bootstrap import Services
from app.backend.budgets.spending import spending_of
from app.backend.core.actor import Actor
from app.backend.usage.words import money

ASKED, ENDED, STOPPED, FAILED = "asked", "ended", "stopped", "failed"
# The text is sent whole, so a long one is sent less often.
PUSH_SECONDS = 0.15
CHARACTERS_A_SECOND = 20_000


class PlayAnswer(BaseModel):
    """What a model has said so far, and in the end what it took, in words."""

    model_config = ConfigDict(frozen=True)

    place: int
    model: str
    text: str = ""
    status: str = ASKED
    problem: str = ""
    first_token: str = ""
    speed: str = ""
    tokens: str = ""
    cost: str = ""


class Asking:
    """The models while they answer; who leaves it ends what goes on."""

    def __init__(
        self, parts: Services, actor: Actor, models: Sequence[str], trial: Trial
    ) -> None:
        self._parts, self._actor, self._trial = parts, actor, trial
        self.answers = [
            PlayAnswer(place=place, model=name) for place, name in enumerate(models)
        ]
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(self._ask(answer.place, answer.model))
            for answer in self.answers
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def is_over(self) -> bool:
        """Whether nobody says anything more."""
        return all(task.done() for task in self._tasks)

    async def wait(self) -> None:
        """Return a little later, or as soon as the last one has ended."""
        size = sum(len(answer.text) for answer in self.answers)
        seconds = PUSH_SECONDS + size / CHARACTERS_A_SECOND
        left = [task for task in self._tasks if not task.done()]
        if left:
            await asyncio.wait(left, timeout=seconds)

    def stop(self, place: int) -> None:
        """End the answer of one model; what it has said stays."""
        if self.answers[place].status == ASKED:
            self._tasks[place].cancel()
            self._change(place, status=STOPPED)

    async def _ask(self, place: int, model: str) -> None:
        parts, actor = self._parts, self._actor
        async with AsyncExitStack() as stack:
            spending = await stack.enter_async_context(spending_of(parts, actor))
            pieces = playground.ask(
                parts.models,
                parts.db,
                actor,
                model,
                self._trial,
                spending=spending,
                on_cut=lambda figures: self._change(place, **_words(figures)),
            )
            said = await stack.enter_async_context(aclosing(pieces))
            async for piece in said:
                text = self.answers[place].text + piece.text
                self._change(place, text=text)
                if piece.figures is not None:
                    self._change(place, **_words(piece.figures))
                if piece.error:
                    self._change(place, status=FAILED, problem=piece.error)
        if self.answers[place].status == ASKED:
            self._change(place, status=ENDED)

    def _change(self, place: int, **values: str) -> None:
        self.answers[place] = self.answers[place].model_copy(update=values)


def _words(figures: TrialFigures) -> dict[str, str]:
    first, speed = figures.first_token_milliseconds, figures.tokens_per_second
    about = "about " if figures.is_estimated else ""
    return {
        "first_token": "" if first is None else _duration(first),
        "speed": "" if speed is None else f"{speed:g} tokens/s",
        "tokens": f"{about}{figures.tokens_in:,} in, {figures.tokens_out:,} out",
        "cost": "unknown"
        if figures.cost_micros is None
        else money(figures.cost_micros),
    }


def _duration(milliseconds: float) -> str:
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / 1000:.1f} s"
