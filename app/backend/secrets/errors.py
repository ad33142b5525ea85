"""What can go wrong with secrets."""

from app.backend.core.errors import AppError, Conflict, Forbidden


class SecretMissing(AppError):
    """A reference leads to nothing; the message names it and says what to do."""

    code = "SECRET_MISSING"
    status = 409

    def __init__(self, reference: str, what: str) -> None:
        super().__init__(f"The secret {reference!r} cannot be read: {what}")


class SecretRefused(Forbidden):
    """The actor may not use secrets of the installation."""

    code = "SECRET_REFUSED"

    def __init__(self, reference: str) -> None:
        super().__init__(
            f"The secret {reference!r} belongs to the installation, whose secrets only administrators may use. Store one of your own in the settings, and write db:name."
        )


class SecretInUse(Conflict):
    """Something refers to the secret."""

    code = "SECRET_IN_USE"

    def __init__(self, name: str, used_by: list[str]) -> None:
        super().__init__(
            f"The secret {name!r} is used by {', '.join(used_by)}. Change that first, or delete it all the same; then that fails until there is a new one."
        )
