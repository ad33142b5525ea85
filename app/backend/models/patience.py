"""Asks a hosted model again that is busy, or away, for a moment."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    stop_after_attempt,
    wait_random_exponential,
)

from app.backend.providers.breaker import ServicePaused
from app.backend.providers.errors import ModelBusy, ModelUnavailable, RuntimeLost

ASKED_MAX = 3
PAUSE_SECONDS = 0.5
PAUSE_SECONDS_MAX = 8.0


@dataclass(frozen=True)
class Pause:
    """Why the model did not answer, and when which attempt begins."""

    error: BaseException
    seconds: float
    attempt: int


Announce = Callable[[Pause], None]
MayAskAgain = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Patience:
    """How often a model is asked in all, and the range of the pauses in seconds; None is what holds everywhere."""

    asked_max: int = ASKED_MAX
    pause: float | None = None
    pause_max: float = PAUSE_SECONDS_MAX


def patiently(
    may_ask_again: MayAskAgain, announce: Announce, patience: Patience = Patience()
) -> AsyncRetrying:
    """Return attempts at an answer: after a passing failure another one, if one `may_ask_again`.

    The pauses grow and are random over their whole length (“full jitter”, M. Brooker, Exponential Backoff And Jitter,
    AWS Architecture Blog, 2015), so that many runs do not come back at the same moment. A service that names a short
    pause itself gets at least that; one that names a long one is not asked again. `announce` is told each pause.
    """

    async def is_worth_it(state: RetryCallState) -> bool:
        error = _error_of(state)
        is_last = state.attempt_number >= patience.asked_max
        return not is_last and _is_passing(error, patience) and await may_ask_again()

    def tell(state: RetryCallState) -> None:
        error = _error_of(state)
        if error is not None:
            announce(Pause(error, state.upcoming_sleep, state.attempt_number + 1))

    return AsyncRetrying(
        retry=is_worth_it,
        stop=stop_after_attempt(patience.asked_max),
        wait=partial(_pause, patience),
        before_sleep=tell,
        reraise=True,
    )


def _is_passing(error: BaseException | None, patience: Patience) -> bool:
    # Whoever lost the runtime has waited for it already, and a service that is left alone stays so for a while.
    return (
        isinstance(error, ModelBusy | ModelUnavailable)
        and not isinstance(error, RuntimeLost | ServicePaused)
        and (error.pause or 0) <= patience.pause_max
    )


def _pause(patience: Patience, state: RetryCallState) -> float:
    least = PAUSE_SECONDS if patience.pause is None else patience.pause
    pause = wait_random_exponential(multiplier=least, max=patience.pause_max)
    error = _error_of(state)
    named = error.pause if isinstance(error, ModelBusy | ModelUnavailable) else None
    return max(float(named or 0), pause(state))


def _error_of(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
