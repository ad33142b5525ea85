"""What the login and first-run pages know: their address, and what went wrong with the last try."""

import reflex as rx

from app.backend.core.errors import Invalid, TooMany
from app.backend.identity.errors import (
    DomainRefused,
    LinkInvalid,
    LoginOver,
    NoMail,
    OwnerExists,
    PasswordLinkInvalid,
    SignUpClosed,
    TooManyAccounts,
    WrongCode,
    WrongLogin,
)
from app.backend.identity.outside.directory import DirectoryAway
from app.backend.identity.outside.errors import (
    AccountInUse,
    AccountSuspended,
    AttemptInvalid,
    EmailUnproved,
    IssuerAway,
    IssuerRefused,
    LinkedElsewhere,
    LinkImpossible,
    NotInvited,
)
from app.backend.identity.schemas import PASSWORD_LENGTH_MIN
from app.state import edge

# The address has only a code, so that nobody can put words into our page by a link.
_WORDS = {
    **{
        error.code: error.message
        for error in (
            WrongLogin(),
            WrongCode(),
            LoginOver(),
            LinkInvalid(),
            PasswordLinkInvalid(),
            OwnerExists(),
            SignUpClosed(),
            TooManyAccounts(0),
            NoMail(),
            AttemptInvalid(),
            IssuerRefused(),
            IssuerAway(),
            EmailUnproved(),
            NotInvited(),
            AccountInUse(),
            LinkImpossible(),
            AccountSuspended(),
            LinkedElsewhere(),
            DirectoryAway(),
        )
    },
    DomainRefused.code: "Accounts here are for addresses of other domains. Use such an address, or ask an administrator.",
    Invalid.code: f"Write a whole e-mail address, and a password of at least {PASSWORD_LENGTH_MIN} characters.",
    TooMany.code: "Too many tries to sign in with this address. Wait 15 minutes, then try again.",
}
_OTHER = "That did not work. Try again; if it stays, ask your administrator."


def words_of(code: str) -> str:
    """Return what an error's code in an address means; nothing for none."""
    return _WORDS.get(code, _OTHER) if code else ""


class LoginState(rx.State):
    """Filled from the address: the forms are posted to the API, which redirects back here when it refuses."""

    error: rx.Field[str] = rx.field("")
    is_done: rx.Field[bool] = rx.field(False)
    email: rx.Field[str] = rx.field("")
    then: rx.Field[str] = rx.field("")
    token: rx.Field[str] = rx.field("")

    @rx.event
    @edge.public
    async def load(self) -> None:
        """Forget what this tab showed to whoever was signed in, and read the address."""
        (await self.get_state(rx.State)).reset()
        query = self.router.url.query_parameters
        self.error = words_of(query.get("error", ""))
        self.is_done = query.get("done") == "1"
        self.email = query.get("email", "")
        self.token = query.get("token", "")
        self.then = query.get("next", "")
