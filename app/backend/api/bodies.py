"""Bodies that change what was read before: what an address has shown may come back to it as it is."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, InitErrorDetails, ValidationError, core_schema


@dataclass(frozen=True)
class AsShown:
    """Marks a body that may also have what `view` shows and nobody can write, which is left out; other fields are refused.

    A misspelt field would else set the one that was meant back to what it is at first.
    """

    view: type[BaseModel]

    def __get_pydantic_core_schema__(
        self, body: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Return how the body is read."""
        written = body.model_fields.keys()
        known = self.view.model_fields.keys() | written

        def leave_out(sent: Any) -> Any:
            if not isinstance(sent, dict):
                return sent
            if unknown := [key for key in sent if key not in known]:
                raise _refusal(body, sent, unknown)
            return {key: sent[key] for key in sent if key in written}

        return core_schema.no_info_before_validator_function(leave_out, handler(body))


def _refusal(
    body: type[BaseModel], sent: dict[str, Any], unknown: list[str]
) -> ValidationError:
    lines = [
        InitErrorDetails(type="extra_forbidden", loc=(key,), input=sent[key])
        for key in unknown
    ]
    return ValidationError.from_exception_data(body.__name__, lines)
