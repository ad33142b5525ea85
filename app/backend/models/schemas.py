"""What models show and take."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.backend.core.paging import Listed
from app.backend.core.texts import STORABLE, Text
from app.backend.models.fallbacks import Fallbacks


class ModelKind(StrEnum):
    """What a model makes: an answer, or vectors."""

    CHAT = "chat"
    EMBEDDING = "embedding"


class DefaultKind(StrEnum):
    """Where a default is used: for answers, for vectors, or where a cheap answer is enough."""

    CHAT = "chat"
    EMBEDDING = "embedding"
    CHEAP = "cheap"


class Environment(StrEnum):
    """Where a model is meant to be used; an installation is one of them."""

    LAB = "LAB"
    NONPROD = "NONPROD"
    PROD = "PROD"


class CapabilitiesDraft(BaseModel):
    """What a model can do; the window is in tokens, and None where it is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tools: bool = False
    vision: bool = False
    json_schema: bool = False
    streaming: bool = True
    context_window: int | None = Field(default=None, ge=256, le=100_000_000)


class ParametersDraft(BaseModel):
    """What is sent with each request, on top of what an agent says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    top_p: float | None = Field(default=None, gt=0, le=1)
    no_temperature: bool = Field(
        default=False, description="Leave out the temperature, which some refuse."
    )


PRICE_MAX = 1_000_000
Price = Annotated[float, Field(ge=0, le=PRICE_MAX)]
ModelName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    STORABLE,
]


class ModelChange(BaseModel):
    """What can be changed of a model; prices are in dollars a million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ModelKind = ModelKind.CHAT
    environment: Environment | None = Field(
        default=None, description="None: that of this installation."
    )
    capabilities: CapabilitiesDraft = CapabilitiesDraft()
    parameters: ParametersDraft = ParametersDraft()
    price_in: Price | None = None
    price_out: Price | None = None
    price_cached: Price | None = None
    fallbacks: Fallbacks = Field(default_factory=list[str])
    is_default: bool = False
    is_cheap: bool = Field(
        default=False, description="The default where a cheap answer is enough."
    )
    is_enabled: bool = True


class ModelDraft(ModelChange):
    """A model to be added to a provider; `name` is what the provider calls it."""

    provider_id: UUID
    name: ModelName


class ModelRowView(Listed):
    """A model that somebody has added; `full_name` is what agents name."""

    provider_id: UUID
    provider: str
    name: str
    full_name: str
    kind: ModelKind
    environment: Environment
    capabilities: dict[str, Any]
    parameters: dict[str, Any]
    price_in: float | None
    price_out: float | None
    price_cached: float | None
    fallbacks: list[str]
    is_default: bool
    is_cheap: bool
    is_enabled: bool
    is_shared: bool
    may_change: bool
    created_at: datetime
    updated_at: datetime


class OfferedModel(BaseModel):
    """A model that a provider lists, with what is known of it; `is_added` when it is there already."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: ModelKind = ModelKind.CHAT
    capabilities: CapabilitiesDraft = CapabilitiesDraft()
    parameters: ParametersDraft = ParametersDraft()
    price_in: float | None = None
    price_out: float | None = None
    price_cached: float | None = None
    is_added: bool = False


class ModelView(BaseModel):
    """A model that an agent can use; `name` is `provider/model`.

    A provider that does not answer has one view that is not available, and whose `note` says why.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    provider: str
    provider_label: str
    context_window: int | None = None
    can_call_tools: bool = False
    is_default: bool = False
    is_available: bool = True
    is_demo: bool = False
    note: Text = ""
    id: UUID | None = Field(default=None, description="None: made by the settings.")
    price_in: float | None = None
    price_out: float | None = None
