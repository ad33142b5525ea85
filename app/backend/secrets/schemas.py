"""What the store of secrets shows and takes."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from app.backend.core.masking import LENGTH_MIN
from app.backend.core.paging import Listed

SecretName = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}$"
    ),
]
# Shorter ones could not be told from plain words in a log.
SecretValue = Annotated[SecretStr, Field(min_length=LENGTH_MIN, max_length=20_000)]


class SecretValueDraft(BaseModel):
    """The value of a secret."""

    model_config = ConfigDict(frozen=True)

    value: SecretValue


class SecretDraft(SecretValueDraft):
    """A secret to be made, or to be replaced."""

    name: SecretName


class SecretView(Listed):
    """A secret without its value; `used_by` names what refers to it."""

    name: str
    reference: str
    created_at: datetime
    updated_at: datetime
    last_used_at: datetime | None
    used_by: list[str] = Field(default_factory=list[str])
