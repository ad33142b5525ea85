"""References to secrets: what is stored instead of a secret that somebody else keeps."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import String
from sqlalchemy.types import TypeDecorator
from typing_extensions import override

from app.backend.core.errors import Invalid

LENGTH_MAX = 500
_FORMS = re.compile(
    r"env:(?P<env>[A-Za-z_]\w{0,199})|file:(?P<file>/[^\0]{1,400})"
    r"|vault:(?P<path>[\w\-.]+(?:/[\w\-.]+){1,20})#(?P<key>[\w\-.]{1,100})|db:(?P<db>[\w\-.]{1,100})",
    re.ASCII,
)
_BEGINS = ("env:", "file:", "vault:", "db:")


class ReferenceText(TypeDecorator[str]):
    """A column with a reference, or nothing: whoever deletes a secret is told what uses it."""

    impl = String
    cache_ok = True


ReferenceColumn: Any = ReferenceText


class Source(StrEnum):
    """Where a secret lies."""

    ENV = "env"
    FILE = "file"
    VAULT = "vault"
    DB = "db"


@dataclass(frozen=True)
class Reference:
    """Where a secret lies, and its name there; `key` picks one of the values that Vault has at a path."""

    source: Source
    name: str
    key: str = ""

    @override
    def __str__(self) -> str:
        return f"{self.source}:{self.name}" + (f"#{self.key}" if self.key else "")


def is_reference(text: str) -> bool:
    """Tell whether a text means to be a reference, and not a secret itself."""
    return text.startswith(_BEGINS)


def parse(text: str, *, field: str = "secret") -> Reference:
    """Return the reference that a text is; an error is told of `field`.

    Raises:
        Invalid: it is none.
    """
    found = _FORMS.fullmatch(text)
    if found is None:
        message = f"{text[:100]!r} is no reference to a secret. Write db:name, env:NAME, file:/path or vault:mount/path#key."
        raise Invalid.field(field, message)
    if found["path"]:
        return Reference(Source.VAULT, found["path"], found["key"])
    source = next(name for name in ("env", "file", "db") if found[name])
    return Reference(Source(source), found[source])
