"""Asks a hosted model again that is busy, or away, for a moment."""

from collections.abc import Callable
from dataclasses import dataclass

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


def patiently(has_begun: Callable[[], bool], announce: Announce) -> AsyncRetrying:
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
        stop=stop_after_attempt(ASKED_MAX),
        wait=_pause,
        before_sleep=tell,
        reraise=True,
    )


def _pause(state: RetryCallState) -> float:
    pause = wait_random_exponential(multiplier=PAUSE_SECONDS, max=PAUSE_SECONDS_MAX)
    error = state.outcome.exception() if state.outcome else None
    named = error.retry_after if isinstance(error, ModelBusy) else 0
    least = float(named) if named <= PAUSE_SECONDS_MAX else 0.0
    return max(least, pause(state))
