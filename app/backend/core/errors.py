"""Errors that a person may read: each says what happened and what to do."""


class AppError(Exception):
    """An expected failure with a stable code, an HTTP status and a sentence for the user."""

    code = "error"
    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unauthorized(AppError):
    """No valid session or API key came with the request."""

    code = "AUTH_REQUIRED"
    status = 401

    def __init__(self, message: str = "Sign in to continue.") -> None:
        super().__init__(message)


class Forbidden(AppError):
    """The actor is known and lacks the permission."""

    code = "FORBIDDEN"
    status = 403


class ReadsOnly(Forbidden):
    """Somebody who reads what another person has wants to change something."""

    code = "READS_ONLY"

    def __init__(self, why: str = "") -> None:
        super().__init__(
            why
            or "You only read what this person has. Stop reading, then do it in your own name."
        )


class NotFound(AppError):
    """The object is absent, or belongs to somebody else: the two look the same."""

    code = "NOT_FOUND"
    status = 404

    def __init__(self, resource: str, resource_id: object) -> None:
        super().__init__(
            f"There is no {resource} {str(resource_id)!r}, or it is not yours."
        )
        self.resource = resource
        self.resource_id = str(resource_id)


class Invalid(AppError):
    """One or more fields of the input are wrong; `details` maps a field to its messages."""

    code = "VALIDATION_FAILED"
    status = 400

    def __init__(self, details: dict[str, list[str]]) -> None:
        super().__init__(" ".join(text for texts in details.values() for text in texts))
        self.details = details

    @classmethod
    def field(cls, name: str, message: str) -> "Invalid":
        """Return the error for one field."""
        return cls({name: [message]})


class Conflict(AppError):
    """The object is in a state that does not allow this."""

    code = "CONFLICT"
    status = 409


class TooMany(AppError):
    """A limit is reached; `retry_after` is in seconds, and `passes` says that waiting so long is enough."""

    code = "TOO_MANY_REQUESTS"
    status = 429
    passes = True

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServiceUnavailable(AppError):
    """A part that we need did not answer; `retry_after` is in seconds."""

    code = "SERVICE_UNAVAILABLE"
    status = 503

    def __init__(self, message: str, *, service: str, retry_after: int = 30) -> None:
        super().__init__(message)
        self.service = service
        self.retry_after = retry_after
