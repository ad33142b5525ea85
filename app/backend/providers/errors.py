"""What can go wrong with a chat model, in words for the person who asked."""

from app.backend.core.errors import AppError, ServiceUnavailable, TooMany

_BUSY_SECONDS = 30
_SHORTEN = "Shorten the question, or lower 'passages to retrieve'."


class ContextOverflow(AppError):
    """The prompt does not fit in the model's window."""

    code = "context_length_exceeded"
    status = 400

    @classmethod
    def of(
        cls, window: int | None = None, tokens: int | None = None
    ) -> "ContextOverflow":
        """Return the error with what is known of the sizes."""
        what = f"The prompt (about {tokens} tokens)" if tokens else "The prompt"
        size = f" of {window} tokens" if window else ""
        return cls(
            f"{what} does not fit in the model's context window{size}. {_SHORTEN}"
        )


class ModelUnavailable(ServiceUnavailable):
    """The process or service that holds the model does not answer, or cannot load it.

    `pause` is for how many seconds the service itself asks to be left alone, where it does.
    """

    def __init__(
        self,
        message: str,
        *,
        service: str,
        retry_after: int = 30,
        pause: int | None = None,
    ) -> None:
        named = retry_after if pause is None else pause
        super().__init__(message, service=service, retry_after=named)
        self.pause = pause


class RuntimeLost(ModelUnavailable):
    """The connection to the runtime broke, or cannot be made."""


class ModelCrashed(ServiceUnavailable):
    """The process that holds the local model died while it answered."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The local model's process ended unexpectedly ({reason}). It starts again with the next question; ask again.",
            service="local model",
            retry_after=1,
        )


class ModelBusy(TooMany):
    """Its service takes no more requests now; `pause` is for how many seconds, where it says so."""

    def __init__(self, message: str, *, pause: int | None = None) -> None:
        super().__init__(message, retry_after=_BUSY_SECONDS if pause is None else pause)
        self.pause = pause


class ModelRefused(AppError):
    """The service took the request and answered that something in it is wrong."""

    code = "MODEL_REFUSED"
    status = 502


class VectorsMissing(ModelRefused):
    """It made another number of vectors than it was given texts; `tokens` are what it read for them, where it says so."""

    def __init__(self, message: str, *, tokens: int | None) -> None:
        super().__init__(message)
        self.tokens = tokens


class ModelKeyRejected(AppError):
    """The service does not accept our key."""

    code = "MODEL_KEY_REJECTED"
    status = 502


class PackageMissing(AppError):
    """The library that speaks to the service is not installed."""

    code = "PACKAGE_MISSING"
    status = 503

    @classmethod
    def of(cls, label: str, package: str) -> "PackageMissing":
        """Return the error with how to install it."""
        return cls(
            f"{label} needs the package {package}, which is not installed. Run `pip install 'atelier[providers]'` and start Atelier again."
        )


class ModelMissing(AppError):
    """The service has no model of this name."""

    code = "MODEL_NOT_FOUND"
    status = 404


def place_refused(reason: Exception) -> ModelRefused:
    """Return the error for a URL that this provider may not reach."""
    return ModelRefused(str(reason))


def broken_off(url: str) -> ModelUnavailable:
    """Return the error for an answer whose end never came."""
    message = f"The service at {url} broke off in the middle of its answer. Try again."
    return ModelUnavailable(message, service=url, retry_after=1)
