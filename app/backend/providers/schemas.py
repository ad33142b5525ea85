"""What providers show and take."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from app.backend.core.paging import Listed
from app.backend.core.texts import StorableDict, Text
from app.backend.providers.handler import KeyNeed

ProviderName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, pattern=r"^[a-z0-9][a-z0-9\-]{0,39}$"),
]


class ProviderDraft(BaseModel):
    """A provider to be made or changed.

    A key that is written into `api_key` is stored as a secret of its owner; `secret_ref` names one that is there
    already. Both empty keep what a changed provider has, and so do `is_shared` and `is_enabled` when they are left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Text = Field(max_length=40)
    name: ProviderName = Field(
        description="First part of the names of its models; it stays as it is."
    )
    label: Text = Field(default="", max_length=100)
    settings: StorableDict = Field(default_factory=dict[str, Any])
    api_key: SecretStr | None = Field(default=None, max_length=20_000)
    secret_ref: Text = Field(
        default="", max_length=500, description="Such as db:name or env:NAME."
    )
    is_shared: bool | None = Field(
        default=None, description="Of the installation, for everybody; by an admin."
    )
    is_enabled: bool | None = None


class ProviderView(Listed):
    """A provider; its key is never shown, and its settings only to those who may change it.

    `owner_name` is who shares it with the asker, unless it is for everybody. One that `is_behind` is not asked, because
    the asker means another one by its name.
    """

    name: str
    label: str
    type: str
    type_label: str
    icon: str
    settings: dict[str, Any]
    secret_ref: str
    has_key: bool
    is_shared: bool
    is_enabled: bool
    may_change: bool
    is_own: bool
    is_behind: bool = False
    owner_name: str = ""
    models: int = 0
    trouble: str
    trouble_at: datetime | None
    created_at: datetime
    updated_at: datetime


class BuiltinView(BaseModel):
    """A provider that the settings describe; it is changed there."""

    model_config = ConfigDict(frozen=True)

    name: str
    label: str
    is_configured: bool
    how_to_configure: str


class TypeView(BaseModel):
    """A type of provider: what it is, and the JSON schema of its settings, from which forms are drawn."""

    model_config = ConfigDict(frozen=True)

    key: str
    label: str
    about: str
    icon: str
    key_need: KeyNeed
    key_hint: str
    is_local: bool
    is_for_admins: bool
    missing_package: str
    hosts: list[str]
    settings_schema: dict[str, Any]


class ProviderRef(BaseModel):
    """A provider by its id and name."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
