"""Text that people and programs send: whatever they write, every database can keep it."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

NUL = "\x00"


def _refuse_nul(text: str) -> str:
    # SQLite would keep it, PostgreSQL refuses it.
    if NUL in text:
        message = "A NUL character cannot be stored; take it out"
        raise ValueError(message)
    return text


STORABLE = AfterValidator(_refuse_nul)
Text = Annotated[str, STORABLE]
# What trims comes first: pydantic would check the length of what follows a validator on its own.
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    STORABLE,
]
