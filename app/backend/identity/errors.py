"""What can go wrong when somebody says who they are."""

from app.backend.core.errors import AppError, Conflict, Unauthorized


class WrongLogin(Unauthorized):
    """E-mail and password do not belong together."""

    code = "WRONG_LOGIN"

    def __init__(self) -> None:
        super().__init__(
            "The e-mail address or the password is wrong. Check both and try again."
        )


class LinkInvalid(AppError):
    """The one-time link is unknown, used, or too old."""

    code = "LINK_INVALID"
    status = 403

    def __init__(self) -> None:
        super().__init__(
            "This link is not valid or no longer valid. Run `atelier up` again; it prints a fresh one."
        )


class PasswordLinkInvalid(AppError):
    """The one-time link that sets a password is unknown, used, or too old."""

    code = "PASSWORD_LINK_INVALID"
    status = 403

    def __init__(self) -> None:
        super().__init__(
            "This link is not valid or no longer valid. Ask an administrator of this installation for a fresh one."
        )


class LastAdmin(Conflict):
    """Without this administrator nobody could manage the installation."""

    code = "LAST_ADMIN"

    def __init__(self) -> None:
        super().__init__(
            "This is the only administrator who can sign in. Make somebody else an administrator first."
        )


class OwnerExists(Conflict):
    """The installation has its owner already."""

    def __init__(self) -> None:
        super().__init__("This installation has an owner already. Sign in instead.")


class EmailTaken(Conflict):
    """There is a user with that address."""

    def __init__(self, email: str) -> None:
        super().__init__(f"There is already a user {email!r}. Use another address.")
