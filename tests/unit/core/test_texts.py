"""What is stored of what people write: made from all drafts, so that a new text field is held to it too."""

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from app import backend
from app.backend.runs.schemas import EventFilter

# What these hold is checked elsewhere: `check_input`, and passwords are only ever hashed.
UNCHECKED = {("RunDraft", "input")}


def _drafts() -> Iterator[type[BaseModel]]:
    for path in sorted(Path(backend.__path__[0]).glob("*/schemas.py")):
        module = importlib.import_module(f"app.backend.{path.parent.name}.schemas")
        for name, kind in inspect.getmembers(module, inspect.isclass):
            is_ours = kind.__module__ == module.__name__
            if is_ours and name.endswith("Draft") and issubclass(kind, BaseModel):
                yield kind
    yield EventFilter


FIELDS = [
    (kind, name)
    for kind in _drafts()
    for name, field in kind.model_fields.items()
    if (kind.__name__, name) not in UNCHECKED
    and "SecretStr" not in str(field.annotation)
]


@pytest.mark.parametrize(
    ("kind", "name"), FIELDS, ids=[f"{kind.__name__}.{name}" for kind, name in FIELDS]
)
@pytest.mark.parametrize("value", ["a\x00b@c.de", ["a\x00b"], {"a": "a\x00b"}])
def test_nul_is_refused_and_its_field_named(
    kind: type[BaseModel], name: str, value: Any
) -> None:
    with pytest.raises(ValidationError) as caught:
        kind.model_validate({name: value})

    assert name in {error["loc"][0] for error in caught.value.errors()}
