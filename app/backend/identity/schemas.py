"""What identity shows and takes."""

import re
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
)

from app.backend.core.actor import Actor, Permission, Role
from app.backend.core.paging import Listed
from app.backend.core.texts import STORABLE, Name, Text

PASSWORD_LENGTH_MIN = 10
PASSWORD_LENGTH_MAX = 1000
# Without what a header reads as more than one mailbox (RFC 5322 §3.2.3) or as an encoded word (RFC 2047 §2).
_PART = r"""[^@\s,;:<>()\[\]"\\]+"""
_EMAIL = re.compile(rf"(?!.*=\?){_PART}@{_PART}\.{_PART}")


def _check_email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        message = f"{text!r} is no e-mail address; write one such as ada@example.org"
        raise ValueError(message)
    return text


def _check_password(password: SecretStr) -> SecretStr:
    length = len(password.get_secret_value())
    if length < PASSWORD_LENGTH_MIN:
        message = (
            f"The password has {length} characters; use at least {PASSWORD_LENGTH_MIN}"
        )
        raise ValueError(message)
    if length > PASSWORD_LENGTH_MAX:
        message = (
            f"The password is too long; use at most {PASSWORD_LENGTH_MAX} characters"
        )
        raise ValueError(message)
    return password


Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, max_length=254),
    STORABLE,
    AfterValidator(_check_email),
]
Password = Annotated[SecretStr, AfterValidator(_check_password)]
Preferences = Annotated[
    dict[
        Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]{0,39}$")],
        Annotated[Text, StringConstraints(max_length=500)],
    ],
    Field(max_length=100),
]


class UserDraft(BaseModel):
    """A user to be made."""

    model_config = ConfigDict(frozen=True)

    email: Email
    password: Password
    role: Role = Role.USER
    display_name: Text = Field(default="", max_length=100)


class SignUpDraft(BaseModel):
    """Who wants an account; where there is mail, the password is chosen with the link in it."""

    model_config = ConfigDict(frozen=True)

    email: Email
    password: Annotated[
        Password | None, BeforeValidator(lambda given: given or None)
    ] = None


class Forgetful(BaseModel):
    """Who has forgotten their password."""

    model_config = ConfigDict(frozen=True)

    email: Email


class InviteDraft(BaseModel):
    """Who is invited, and as what."""

    model_config = ConfigDict(frozen=True)

    email: Email
    role: Role = Role.USER


class PasswordChoice(BaseModel):
    """A password, and the one-time link's token."""

    model_config = ConfigDict(frozen=True)

    token: str = Field(min_length=1, max_length=200)
    password: Password


class PersonView(Listed):
    """A user as administrators see them; `linked` are the providers of their logins elsewhere.

    Without these and without a password they have not come yet.
    """

    email: str
    display_name: str
    role: Role
    is_active: bool
    created_at: datetime
    has_password: bool
    has_second_factor: bool = False
    linked: list[str] = Field(default_factory=list[str])
    last_seen_at: datetime | None = None


class NewLink(BaseModel):
    """A fresh one-time link for a user; `token` is shown this once."""

    model_config = ConfigDict(frozen=True)

    token: str
    expires_at: datetime
    user: PersonView


class UserView(Listed):
    """A user."""

    email: str
    display_name: str
    avatar_url: str
    role: Role
    is_active: bool
    has_password: bool
    preferences: dict[str, str]
    created_at: datetime


class ApiKeyView(Listed):
    """An API key without its secret."""

    name: str
    prefix: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    scopes: list[Permission] | None = Field(
        default=None,
        description="What it may do; null: all that a key of its user may.",
    )
    agent_ids: list[UUID] | None = Field(
        default=None,
        description="Which agents it may run; null: all that its user may.",
    )


class NewApiKey(BaseModel):
    """A fresh API key; `key` is shown this once."""

    model_config = ConfigDict(frozen=True)

    key: str
    view: ApiKeyView


class ProfileDraft(BaseModel):
    """What a user may change about themselves."""

    model_config = ConfigDict(frozen=True)

    display_name: Text = Field(default="", max_length=100)
    avatar_url: Text = Field(default="", max_length=500, pattern=r"^(https?://\S+)?$")


class PasswordDraft(BaseModel):
    """A new password, and the present one to prove who is asking."""

    model_config = ConfigDict(frozen=True)

    current: SecretStr = Field(max_length=PASSWORD_LENGTH_MAX)
    new: Password


class SessionView(Listed):
    """A login on one device; `is_current` marks the one that asks."""

    user_agent: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    is_current: bool = False


class ApiKeyDraft(BaseModel):
    """An API key to be made."""

    model_config = ConfigDict(frozen=True)

    name: Name
    expires_at: AwareDatetime | None = None
    scopes: list[Permission] | None = Field(
        default=None, description="What it may do; null: all that a key of yours may."
    )
    agent_ids: list[UUID] | None = Field(
        default=None,
        max_length=100,
        description="Which agents it may run; null: all that you may.",
    )


class KeyRotation(BaseModel):
    """How long the old secret works beside the new one."""

    model_config = ConfigDict(frozen=True)

    grace_hours: float = Field(default=0, ge=0, le=24)


class PermissionsDraft(BaseModel):
    """What a user has beside the permissions of the role, and what they lack of these."""

    model_config = ConfigDict(frozen=True)

    given: list[Permission] = Field(default_factory=list[Permission])
    taken: list[Permission] = Field(default_factory=list[Permission])


class PermissionsView(PermissionsDraft):
    """The same, with what the role has; `offered` are those that can be given or taken."""

    role: Role
    of_role: list[Permission]
    offered: list[Permission]


class NewSecondFactor(BaseModel):
    """A secret for an authenticator app, as text, as the app's own address, and as a picture of that address (SVG)."""

    model_config = ConfigDict(frozen=True)

    secret: str
    address: str
    qr: str


class RecoveryCodes(BaseModel):
    """Fresh recovery codes; they are shown this once."""

    model_config = ConfigDict(frozen=True)

    codes: list[str]


class SecondFactorView(BaseModel):
    """Whether the caller has a second factor, and how many recovery codes are left."""

    model_config = ConfigDict(frozen=True)

    is_on: bool
    since: datetime | None
    recovery_codes: int
    is_demanded: bool


class NewTokens(BaseModel):
    """Fresh tokens of a login (RFC 6749 §5.1); they are shown this once."""

    model_config = ConfigDict(frozen=True)

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - a kind
    expires_in: int
    refresh_token: str


class Verified(BaseModel):
    """A user whose password was right; `better_hash` replaces one of older settings.

    `email` is the account's, which in a directory need not be what somebody has typed.
    """

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    better_hash: str = ""
    email: str = ""


class Presented(BaseModel):
    """Who a session's token or an API key belongs to, and when it was last used.

    `lacks_factor` says that it came by a password alone. `reads` is whom the login reads; see `identity/reading.py`.
    """

    model_config = ConfigDict(frozen=True)

    actor: Actor
    used_at: datetime | None
    lacks_factor: bool = False
    reads: Actor | None = None


class NewSession(BaseModel):
    """A fresh login; `token` goes into the cookie and nowhere else. `is_welcomed` says that the account has its agents."""

    model_config = ConfigDict(frozen=True)

    token: str
    session_id: UUID
    expires_at: datetime
    user: UserView
    is_welcomed: bool
