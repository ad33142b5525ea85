"""What checkpoints are written with: plain values only, so that any version can read them and none can be made to run."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import BaseModel
from typing_extensions import override

_OURS = "app."


class PlainSerializer(JsonPlusSerializer):
    """Writes our own data types as plain values, and revives nothing but what LangGraph itself needs."""

    def __init__(self) -> None:
        super().__init__(allowed_msgpack_modules=None, allowed_json_modules=None)

    @override
    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        return super().dumps_typed(to_plain(obj))


def to_plain(value: Any) -> Any:
    """Return `value` with our data types as plain values.

    Raises:
        TypeError: it has something of ours that is no data type; it would come back as something else.
    """
    match value:
        case Enum():
            return value.value
        case BaseModel() if type(value).__module__.startswith(_OURS):
            return value.model_dump(mode="json")
        case Mapping():
            return {key: to_plain(item) for key, item in value.items()}
        case list():
            return [to_plain(item) for item in value]
        case tuple() if type(value) is tuple:
            return tuple(to_plain(item) for item in value)
        case _ if type(value).__module__.startswith(_OURS):
            name = type(value).__qualname__
            message = f"{name} cannot be kept in a graph's state; give it plain values."
            raise TypeError(message)
        case _:
            return value
