"""Models that are asked in the place of another one."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from app.backend.core.errors import Invalid
from app.backend.core.texts import Text

FALLBACKS_MAX = 3


def _trim(names: list[str]) -> list[str]:
    return [name.strip() for name in names if name.strip()]


Fallbacks = Annotated[
    list[Annotated[Text, Field(max_length=200)]],
    Field(
        max_length=FALLBACKS_MAX,
        description="Models that are asked in turn when the one before does not answer.",
    ),
    AfterValidator(_trim),
]


def check_fallbacks(model: str, fallbacks: Sequence[str]) -> None:
    """Refuse a chain that comes back to a model; what stands at a fallback itself is not followed.

    Raises:
        Invalid: a model is its own fallback, or is named twice.
    """
    seen = {model}
    for name in fallbacks:
        if name in seen:
            message = f"{name} would be asked twice. Name each model once, and not the model itself."
            raise Invalid.field("fallbacks", message)
        seen.add(name)
