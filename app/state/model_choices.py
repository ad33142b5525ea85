"""Models to choose from in a form, and the fallbacks that were chosen."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from app.backend.models.fallbacks import FALLBACKS_MAX
from app.backend.models.schemas import ModelView

FALLBACK_FIELDS = tuple(f"fallback_{n}" for n in range(1, FALLBACKS_MAX + 1))


class ModelChoice(BaseModel):
    """A model to choose; one that is not available says why."""

    model_config = ConfigDict(frozen=True)

    name: str
    label: str
    is_available: bool


def model_choices(
    models: Sequence[ModelView], named: Iterable[str]
) -> list[ModelChoice]:
    """Return the models to choose from; those that are `named` already stand there too, whether they exist or not."""
    known = {model.name for model in models}
    missing = [name for name in dict.fromkeys(named) if name and name not in known]
    return [
        *(ModelChoice(name=name, label=name, is_available=True) for name in missing),
        *(
            ModelChoice(
                name=model.name, label=_label(model), is_available=model.is_available
            )
            for model in models
        ),
    ]


def fallback_values(fallbacks: Sequence[str]) -> list[str]:
    """Return what the fields of a form begin with."""
    return [*fallbacks, *[""] * FALLBACKS_MAX][:FALLBACKS_MAX]


def fallbacks_of(form: Mapping[str, Any]) -> list[str]:
    """Return the fallbacks that a form says, in their order."""
    return [str(form[name]) for name in FALLBACK_FIELDS if form.get(name)]


def _label(model: ModelView) -> str:
    if not model.is_available:
        return f"{model.provider_label}: {model.note}"
    return f"{model.name} (default)" if model.is_default else model.name
