"""A hosted model that is busy for a moment is asked again; one that refuses is not."""

import pytest

from app.backend.core.errors import AppError
from app.backend.models import patience
from app.backend.providers.breaker import ServicePaused
from app.backend.providers.errors import (
    ModelBusy,
    ModelRefused,
    ModelUnavailable,
    RuntimeLost,
)

BUSY = ModelBusy("Busy.", pause=0)
AWAY = ModelUnavailable("Away.", service="model")


async def _may() -> bool:
    return True


async def _may_not() -> bool:
    return False


async def _ask(
    errors: list[AppError], may_ask_again: patience.MayAskAgain = _may
) -> list[str]:
    told: list[str] = []
    attempts = patience.patiently(
        may_ask_again,
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
        ServicePaused("Paused.", service="model", retry_after=1),
        ModelBusy("Come back in a minute.", pause=60),
        ModelUnavailable("Come back in a minute.", service="model", pause=60),
    ],
)
async def test_failure_that_stays_is_not_tried_again(error: AppError) -> None:
    left = [error, error]

    with pytest.raises(type(error)):
        await _ask(left)

    assert len(left) == 1


async def test_nothing_is_asked_again_when_too_much_was() -> None:
    left: list[AppError] = [AWAY, BUSY]

    with pytest.raises(ModelUnavailable):
        await _ask(left, _may_not)

    assert left == [BUSY]


async def test_leave_is_taken_for_repeated_questions_only() -> None:
    taken: list[int] = []

    async def take() -> bool:
        taken.append(1)
        return True

    with pytest.raises(ModelUnavailable):
        await _ask([AWAY, AWAY, AWAY], take)

    assert len(taken) == patience.ASKED_MAX - 1


@pytest.mark.parametrize(
    "error", [ModelBusy("B", pause=5), ModelUnavailable("A", service="m", pause=5)]
)
async def test_pause_is_as_long_as_the_service_asks(error: AppError) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    asked = [error]
    attempts = patience.patiently(_may, lambda *_: None)
    attempts.sleep = sleep  # pyright: ignore[reportAttributeAccessIssue] - it may be a coroutine here
    async for attempt in attempts:
        with attempt:
            if asked:
                raise asked.pop(0)

    assert pauses == [5.0]
