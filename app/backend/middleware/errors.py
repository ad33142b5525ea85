"""What a middleware refuses, in words for the person who asked."""

from app.backend.core.errors import AppError, TooMany


class GuardMissing(AppError):
    """A model would stand in the place of another one, and lacks what must not be left out before that."""

    code = "GUARD_MISSING"
    status = 409


class MiddlewareBroken(AppError):
    """A middleware that must not be left out cannot be started."""

    code = "MIDDLEWARE_BROKEN"
    status = 503


class InputRefused(AppError):
    """What was to be sent to a model is not allowed."""

    code = "INPUT_REFUSED"


class OutputRefused(AppError):
    """What a model said is not allowed."""

    code = "OUTPUT_REFUSED"
    status = 502


class CallsUsedUp(TooMany):
    """A model was asked as often as its middleware allows."""

    code = "MODEL_CALLS_USED_UP"
