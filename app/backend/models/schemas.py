"""What models show."""

from pydantic import BaseModel, ConfigDict


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
    note: str = ""
