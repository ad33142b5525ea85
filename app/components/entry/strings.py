"""Words of the pages that need no login: sign in, sign up, forgotten password."""

SIGN_IN = "Sign in"
EMAIL = "E-mail"
PASSWORD = "Password"  # noqa: S105
PASSWORD_HINT = "At least {} characters. A sentence is good."  # noqa: S105
FORGOT = "Forgot your password?"
SIGN_UP = "Create an account"
SIGN_UP_TEXT = "Agents, documents and runs of yours are seen by you alone."
SIGN_UP_CLOSED = "Nobody can sign up here by themselves. Ask an administrator of this installation for an account."
SIGN_UP_MAIL = "You get a letter with a link, and choose your password there."
SIGN_UP_DOMAINS = "For addresses at "
SIGN_UP_VERB = "Create account"
SIGNED_UP = "If this address was free, your account is made. Sign in with it."
SENT = "If this address can have an account, a letter with a link is on its way to it. The link works once, for an hour."
FORGOT_TEXT = "You get a letter with a link, and choose a new password there."
FORGOT_VERB = "Send me the link"
NO_MAIL = "This installation sends no mail. Ask an administrator for a link to choose a new password."
BACK = "Back to the login page"
