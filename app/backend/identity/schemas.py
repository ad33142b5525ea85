"""What identity shows and takes."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from app.backend.core.actor import Role
from app.backend.core.paging import Listed

Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        to_lower=True,
        max_length=254,
        pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$",
    ),
]
PASSWORD_LENGTH_MIN = 10


class UserDraft(BaseModel):
    """A user to be made."""

    model_config = ConfigDict(frozen=True)

    email: Email
    password: SecretStr = Field(min_length=PASSWORD_LENGTH_MIN, max_length=1000)
    role: Role = Role.USER
    display_name: str = Field("", max_length=100)


class UserView(Listed):
    """A user."""

    email: str
    display_name: str
    avatar_url: str
    role: Role
    is_active: bool
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


class NewApiKey(BaseModel):
    """A fresh API key; `key` is shown this once."""

    model_config = ConfigDict(frozen=True)

    key: str
    view: ApiKeyView


class NewSession(BaseModel):
    """A fresh login; `token` goes into the cookie and nowhere else."""

    model_config = ConfigDict(frozen=True)

    token: str
    session_id: UUID
    expires_at: datetime
    user: UserView
