"""What outside logins show and take."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.backend.core.actor import Role
from app.backend.core.login_settings import RoleRules
from app.backend.core.paging import Listed
from app.backend.core.texts import Text


class Outsider(BaseModel):
    """Somebody as another service knows them; issuer and subject together name them for good.

    `login` is what they have typed to be found, where they typed something here. `may_sign_up` says that everybody whom their service knows may have an account, `can_link` that the settings
    page can link the login to an account.
    """

    model_config = ConfigDict(frozen=True)

    provider: str
    issuer: str
    subject: Text = Field(min_length=1, max_length=255)
    email: Text = ""
    login: Text = ""
    is_email_proved: bool = False
    name: Text = ""
    claims: dict[str, Any] = Field(default_factory=dict[str, Any])
    roles: RoleRules = Field(default_factory=dict[str, dict[str, Role]])
    may_sign_up: bool = False
    can_link: bool = True


class LinkedLoginView(Listed):
    """A login elsewhere that leads to an account here."""

    provider: str
    email: str
    created_at: datetime
    last_used_at: datetime | None
