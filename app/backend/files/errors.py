"""What can be wrong with a file."""

from app.backend.core.errors import AppError, ServiceUnavailable, TooMany


class ObjectMissing(AppError):
    """The object store has nothing under the key."""

    code = "NOT_FOUND"
    status = 404

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The file {key!r} is no longer in the object store. Upload it again."
        )


class FileRefused(AppError):
    """The upload is not a file that we take; the message says why and what to do."""

    code = "FILE_REFUSED"
    status = 400


class FileTooLarge(FileRefused):
    """The upload is larger than allowed."""

    code = "FILE_TOO_LARGE"
    status = 413


class StoreFull(ServiceUnavailable):
    """The disk of the object store is full."""

    def __init__(self) -> None:
        super().__init__(
            "The disk with the data folder is full. Free some space, then try again.",
            service="objects",
        )


class StorageUsed(TooMany):
    """Somebody has as many bytes stored as they may; waiting alone does not help."""

    code = "STORAGE_USED"
    passes = False

    def __init__(self, used: str, most: str) -> None:
        super().__init__(
            f"There is no room for this: {used} of {most} are used. Delete documents, or ask an administrator for more.",
            retry_after=3600,
        )
