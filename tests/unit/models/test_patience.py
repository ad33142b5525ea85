"""A hosted model that is busy for a moment is asked again; one that refuses is not."""

import pytest

from app.backend.core.errors import AppError
from app.backend.models import patience
from app.backend.providers.errors import (
    ModelBusy,
    ModelRefused,
    ModelUnavailable,
    RuntimeLost,
)

BUSY = ModelBusy("Busy.", retry_after=0)
AWAY = ModelUnavailable("Away.", service="model")


async def _ask(errors: list[AppError], *, has_begun: bool = False) -> list[str]:
    told: list[str] = []
    attempts = patience.patiently(
        lambda: has_begun,
        lambda pause: told.append(f"{pause.error} Then attempt {pause.attempt}."),
    )
    async for attempt in attempts:
        with attempt:
            if errors:
                raise errors.pop(0)
    return told


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses without length."""
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.0)


async def test_passing_failures_are_told_and_tried_again() -> None:
    assert await _ask([BUSY, AWAY]) == [
        "Busy. Then attempt 2.",
        "Away. Then attempt 3.",
    ]


async def test_third_failure_is_the_last() -> None:
    left: list[AppError] = [BUSY, BUSY, AWAY, BUSY]

    with pytest.raises(ModelUnavailable):
        await _ask(left)

    assert left == [BUSY]


@pytest.mark.parametrize(
    "error",
    [
        ModelRefused("No."),
        RuntimeLost("Lost.", service="runtime"),
    ],
)
async def test_failure_that_stays_is_not_tried_again(error: AppError) -> None:
    left = [error, error]

    with pytest.raises(type(error)):
        await _ask(left)

    assert len(left) == 1


async def test_answer_that_has_begun_is_not_begun_again() -> None:
    with pytest.raises(ModelUnavailable):
        await _ask([AWAY], has_begun=True)


async def test_pause_is_as_long_as_the_service_asks_unless_that_is_too_long() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    asked = [ModelBusy("B", retry_after=5), ModelBusy("B", retry_after=60)]
    attempts = patience.patiently(lambda: False, lambda *_: None)
    attempts.sleep = sleep  # pyright: ignore[reportAttributeAccessIssue] - it may be a coroutine here
    async for attempt in attempts:
        with attempt:
            if asked:
                raise asked.pop(0)

    assert pauses == [5.0, 0.0]
