"""Text that people and programs send: whatever they write, every database can keep it."""

from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints

NUL = "\x00"
_SHOWN_NUL = "\N{REPLACEMENT CHARACTER}"


def _refuse_nul(text: str) -> str:
    # SQLite would keep it, PostgreSQL refuses it.
    if NUL in text:
        message = "A NUL character cannot be stored; take it out"
        raise ValueError(message)
    return text


def storable(text: str) -> str:
    """Return what a model or another program said, as every database can keep it."""
    return text.replace(NUL, _SHOWN_NUL)


def storable_value(value: Any) -> Any:
    """Return plain values with all their texts storable."""
    match value:
        case str():
            return storable(value)
        case dict():
            return {
                storable(key) if isinstance(key, str) else key: storable_value(item)
                for key, item in value.items()
            }
        case list() | tuple():
            return [storable_value(item) for item in value]
        case _:
            return value


def _refuse_nul_in(value: dict[str, Any]) -> dict[str, Any]:
    if storable_value(value) != value:
        message = "A NUL character cannot be stored; take it out"
        raise ValueError(message)
    return value


STORABLE = AfterValidator(_refuse_nul)
# Plain values of any shape.
StorableDict = Annotated[dict[str, Any], AfterValidator(_refuse_nul_in)]
Text = Annotated[str, STORABLE]
# What trims comes first: pydantic would check the length of what follows a validator on its own.
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    STORABLE,
]
