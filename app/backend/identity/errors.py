"""What can go wrong when somebody says who they are."""

from app.backend.core.errors import AppError, Conflict, Forbidden, TooMany, Unauthorized
from app.backend.identity.schemas import Verified


class WrongLogin(Unauthorized):
    """E-mail and password do not belong together."""

    code = "WRONG_LOGIN"

    def __init__(self) -> None:
        super().__init__(
            "The e-mail address or the password is wrong. Check both and try again."
        )


class SecondFactorNeeded(Unauthorized):
    """The password is right, and the account has a second factor; `verified` is for the form that asks for it."""

    code = "SECOND_FACTOR_NEEDED"

    def __init__(self, verified: Verified) -> None:
        super().__init__(
            "This account has a second factor. Send `code` too: the six digits of your authenticator app, or a recovery code."
        )
        self.verified = verified


class WrongCode(Unauthorized):
    """The second factor's code is wrong, too old, or used up."""

    code = "WRONG_CODE"

    def __init__(self) -> None:
        super().__init__(
            "This code is wrong, or was used before. Wait for the next one of your authenticator app, or use a recovery code."
        )


class LoginOver(Unauthorized):
    """Between the password and the code went too much time."""

    code = "LOGIN_OVER"

    def __init__(self) -> None:
        super().__init__("That took too long. Sign in again.")


class SecondFactorDemanded(Forbidden):
    """The installation asks for a second factor, and the account has none."""

    code = "SECOND_FACTOR_DEMANDED"

    def __init__(self) -> None:
        super().__init__(
            "This installation asks for a second factor. Set one up first, on the page /second-factor."
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
            "This link is not valid or no longer valid. Ask for a fresh one: an administrator of this installation, or the login page, if it sends mail."
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


class SignUpClosed(Forbidden):
    """Nobody makes an account for themselves here."""

    code = "SIGN_UP_CLOSED"

    def __init__(self) -> None:
        super().__init__(
            "Nobody can sign up here by themselves. Ask an administrator of this installation for an account."
        )


class TooManyAccounts(TooMany):
    """From one network address many accounts are made."""

    code = "TOO_MANY_ACCOUNTS"

    def __init__(self, seconds: int) -> None:
        super().__init__(
            "Too many accounts were made from your network address. Wait 15 minutes, then try again.",
            retry_after=max(1, seconds),
        )


class DomainRefused(Forbidden):
    """Accounts are for people of other domains."""

    code = "DOMAIN_REFUSED"

    def __init__(self, domains: list[str]) -> None:
        super().__init__(
            f"Accounts here are for addresses at {', '.join(domains)}. Use such an address, or ask an administrator."
        )


class InvitationsClosed(Forbidden):
    """The installation makes accounts on the command line only."""

    code = "INVITATIONS_CLOSED"

    def __init__(self) -> None:
        super().__init__(
            "Accounts are made on the command line of this installation only. Use `atelier user invite` there, or set ATELIER_SIGN_UP to invited."
        )


class NoMail(Forbidden):
    """Something needs mail, and the installation sends none."""

    code = "NO_MAIL"

    def __init__(self) -> None:
        super().__init__(
            "This installation sends no mail. Ask an administrator for a link to choose a new password."
        )


class RefreshTokenInvalid(Unauthorized):
    """The refresh token is unknown, used, or its login has ended."""

    code = "REFRESH_TOKEN_INVALID"

    def __init__(self) -> None:
        super().__init__(
            "This refresh token is not valid or no longer valid. Sign in again."
        )


class TooManyRequests(TooMany):
    """A person has asked as often in a minute as their tier allows."""

    code = "REQUEST_LIMIT"

    def __init__(self, most: int, retry_after: int) -> None:
        super().__init__(
            f"This is more than your {most:,} requests a minute. Wait, or ask an administrator for more.",
            retry_after=retry_after,
        )
