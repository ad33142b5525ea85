"""What can go wrong with knowledge."""

from app.backend.core.errors import AppError, Conflict, ServiceUnavailable


class Unreadable(AppError):
    """A document cannot be turned into passages; the message says why and what to do."""

    code = "DOCUMENT_UNREADABLE"
    status = 422


class IndexUnavailable(ServiceUnavailable):
    """The vector index does not answer."""

    def __init__(self) -> None:
        super().__init__(
            "The vector index (Chroma) does not answer. `atelier doctor` shows what is wrong; then try again.",
            service="chroma",
            retry_after=5,
        )


class EmbedderChanged(Conflict):
    """The collection's vectors are of another embedding model than the one in use."""
