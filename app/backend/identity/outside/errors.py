"""What can go wrong when another service says who somebody is."""

from app.backend.core.errors import Conflict, Forbidden, ServiceUnavailable


class AttemptInvalid(Forbidden):
    """The answer does not belong to a sign-in that this browser began, or it comes too late or twice."""

    code = "SIGN_IN_ATTEMPT_INVALID"

    def __init__(self) -> None:
        super().__init__(
            "This sign-in was not begun in this browser at this address, took too long, or was used already. Begin again."
        )


class IssuerRefused(Forbidden):
    """The service said no, or its answer cannot be believed."""

    code = "ISSUER_REFUSED"

    def __init__(self) -> None:
        super().__init__(
            "The other service did not say who you are. Try again; if it stays, ask your administrator to look at the log."
        )


class IssuerAway(ServiceUnavailable):
    """The service does not answer, or not as it should."""

    code = "ISSUER_AWAY"

    def __init__(self, issuer: str = "issuer") -> None:
        super().__init__(
            "The other service does not answer. Wait a moment and try again, or sign in with your password.",
            service=issuer,
        )


class EmailUnproved(Forbidden):
    """The service does not say that the e-mail address is the person's own."""

    code = "EMAIL_UNPROVED"

    def __init__(self) -> None:
        super().__init__(
            "The other service does not say that your e-mail address is yours. Confirm the address there, then try again."
        )


class NotInvited(Forbidden):
    """There is no account for the person, and none may be made."""

    code = "NOT_INVITED"

    def __init__(self) -> None:
        super().__init__(
            "There is no account for you here. Ask an administrator of this installation to invite your e-mail address."
        )


class AccountInUse(Conflict):
    """There is an account with the address, and somebody signs in to it in another way."""

    code = "ACCOUNT_IN_USE"

    def __init__(self) -> None:
        super().__init__(
            "There is already an account with your e-mail address. Sign in to it as you did before, and link this login in the settings."
        )


class LinkImpossible(Conflict):
    """There is an account with the address, and this kind of login is never linked to one in use."""

    code = "LINK_IMPOSSIBLE"

    def __init__(self) -> None:
        super().__init__(
            "There is already an account with your e-mail address, and this login cannot be linked to it. Sign in to it as you did before."
        )


class AccountSuspended(Forbidden):
    """An administrator has suspended the account."""

    code = "ACCOUNT_SUSPENDED"

    def __init__(self) -> None:
        super().__init__(
            "Your account is suspended. Ask an administrator of this installation."
        )


class LinkedElsewhere(Conflict):
    """The login leads to another account."""

    code = "LINKED_ELSEWHERE"

    def __init__(self) -> None:
        super().__init__(
            "This login is linked to another account here. Unlink it there first."
        )


class LastWayIn(Conflict):
    """Without this login nobody could sign in to the account."""

    code = "LAST_WAY_IN"

    def __init__(self) -> None:
        super().__init__(
            "This is your only way to sign in. Link another one first, or ask an administrator for a link to choose a password."
        )
