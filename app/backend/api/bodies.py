"""Bodies that change what was read before: what an address has shown may come back to it as it is."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True)
class AsShown:
    """Marks a body that may also have what `view` shows and nobody can write, which is left out; else it is as strict as it is."""

    view: type[BaseModel]

    def __get_pydantic_core_schema__(
        self, body: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return how the body is read."""
        only_shown = self.view.model_fields.keys() - body.model_fields.keys()

        def leave_out(sent: Any) -> Any:
            if not isinstance(sent, dict):
                return sent
            return {key: sent[key] for key in sent if key not in only_shown}

        return core_schema.no_info_before_validator_function(leave_out, handler(body))
