"""Asks a hosted model again that is busy, or away, for a moment."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

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


@dataclass(frozen=True)
class Patience:
    """How often a model is asked in all, and the range of the pauses in seconds; None is what holds everywhere."""

    asked_max: int = ASKED_MAX
    pause: float | None = None
    pause_max: float = PAUSE_SECONDS_MAX


def patiently(
    has_begun: Callable[[], bool], announce: Announce, patience: Patience = Patience()
) -> AsyncRetrying:
    """Return attempts at an answer: after a passing failure another one, unless the answer `has_begun`.

    The pauses grow and are random over their whole length (“full jitter”, M. Brooker, Exponential Backoff And Jitter,
    AWS Architecture Blog, 2015), so that many runs do not come back at the same moment. A service that names a short
    pause itself gets at least that. `announce` is told each pause.
    """

    def is_passing(error: BaseException) -> bool:
        # Whoever lost the runtime has waited for it already.
        return (
            isinstance(error, ModelBusy | ModelUnavailable)
            and not isinstance(error, RuntimeLost)
            and not has_begun()
        )

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if error is not None:
            announce(Pause(error, state.upcoming_sleep, state.attempt_number + 1))

    return AsyncRetrying(
        retry=retry_if_exception(is_passing),
        stop=stop_after_attempt(patience.asked_max),
        wait=partial(_pause, patience),
        before_sleep=tell,
        reraise=True,
    )


def _pause(patience: Patience, state: RetryCallState) -> float:
    least = PAUSE_SECONDS if patience.pause is None else patience.pause
    pause = wait_random_exponential(multiplier=least, max=patience.pause_max)
    error = state.outcome.exception() if state.outcome else None
    named = error.retry_after if isinstance(error, ModelBusy) else 0
    floor = float(named) if named <= patience.pause_max else 0.0
    return max(floor, pause(state))
