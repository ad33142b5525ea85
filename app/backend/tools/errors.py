"""What can go wrong with a tool call; the model reads it and may try again."""

import json
from typing import Any

from pydantic import ValidationError

from app.backend.core.errors import AppError


class WrongArguments(AppError):
    """The arguments do not fit the tool's schema."""

    code = "WRONG_ARGUMENTS"

    @classmethod
    def of(
        cls, tool: str, error: ValidationError, schema: dict[str, Any]
    ) -> "WrongArguments":
        """Return the error in words that a model can use."""
        faults = [
            f"{'.'.join(map(str, fault['loc'])) or 'arguments'}: {fault['msg']}"
            for fault in error.errors(include_url=False)
        ]
        takes = json.dumps(schema.get("properties", {}), ensure_ascii=False)
        needed = ", ".join(schema.get("required", [])) or "nothing"
        return cls(
            f"The arguments of {tool} are wrong: {'; '.join(faults)}. It takes {takes}, and needs {needed}. Call it again with these."
        )


class UnknownTool(AppError):
    """The model called something that the agent does not have."""

    code = "UNKNOWN_TOOL"

    @classmethod
    def of(cls, name: str, known: list[str]) -> "UnknownTool":
        """Return the error in words that a model can use."""
        listed = ", ".join(known) or "none"
        return cls(f"There is no tool {name!r}. The tools are: {listed}.")


class NoLedger(AppError):
    """A tool with an effect was called where nothing remembers what was done."""

    code = "NO_LEDGER"
    status = 409

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} changes something, which only runs in this installation's own workers may do."
        )
