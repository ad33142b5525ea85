"""What is known of one model, changed by hand."""

from typing import Any

import reflex as rx
from pydantic import BaseModel, ConfigDict

from app.backend.core.actor import Permission
from app.backend.models import service as models
from app.backend.models.schemas import Environment, ModelChange, ModelRowView
from app.state import edge, notices
from app.state.forms import FormMixin
from app.state.model_choices import (
    ModelChoice,
    fallback_values,
    fallbacks_of,
    model_choices,
)
from app.state.model_list import ModelListState

_NUMBERS = ("price_in", "price_out", "price_cached")
_SWITCHES = ("tools", "vision", "json_schema")


class ModelValues(BaseModel):
    """The fields as their inputs have them; without an id no form is open."""

    model_config = ConfigDict(frozen=True)

    id: str = ""
    full_name: str = ""
    kind: str = "chat"
    environment: str = "LAB"
    context_window: str = ""
    tools: bool = False
    vision: bool = False
    json_schema: bool = False
    top_p: str = ""
    no_temperature: bool = False
    price_in: str = ""
    price_out: str = ""
    price_cached: str = ""
    fallbacks: list[str] = fallback_values([])
    is_default: bool = False
    is_cheap: bool = False
    is_enabled: bool = True


_NONE = ModelValues()


class ModelFormState(FormMixin, rx.State):
    """The form of one model."""

    values: rx.Field[ModelValues] = rx.field(default_factory=ModelValues)
    others: rx.Field[list[ModelChoice]] = rx.field(default_factory=list)

    @rx.event
    @edge.requires(Permission.CHANGE_MODEL)
    async def open(self, model_id: str) -> None:
        """Show the form of a model."""
        wanted = edge.parse_id(model_id, "model")
        async with edge.read(self) as (session, actor):
            view = await models.get_model(session, actor, model_id=wanted)
        found = await edge.services().models.list(actor)
        self._clear_errors()
        self.values = _values(view)
        others = [one for one in found if one.name != view.full_name]
        self.others = model_choices(others, view.fallbacks)

    @rx.event
    @edge.requires(Permission.VIEW_MODEL)
    async def close(self) -> None:
        """Leave the model as it is."""
        self._close()

    @rx.event
    @edge.public
    async def leave(self) -> None:
        """Close the form."""
        self._close()

    @rx.event
    @edge.requires(Permission.CHANGE_MODEL)
    async def save(self, form: dict[str, Any]) -> Any:
        """Keep what the form says."""
        self._clear_errors()
        wanted = edge.parse_id(self.values.id, "model")
        change = _change(form, self.values)
        environment = Environment(edge.services().settings.environment)
        async with edge.work(self) as (session, actor):
            view = await models.update_model(
                session, actor, model_id=wanted, change=change, environment=environment
            )
        self._close()
        return [ModelListState.load, notices.done(f"{view.full_name} is saved.")]

    def _close(self) -> None:
        self._clear_errors()
        self.values = _NONE


def _values(view: ModelRowView) -> ModelValues:
    can = view.capabilities
    return ModelValues(
        id=str(view.id),
        full_name=view.full_name,
        kind=view.kind,
        environment=view.environment,
        context_window=_text(can.get("context_window")),
        **{name: bool(can.get(name)) for name in _SWITCHES},
        top_p=_text(view.parameters.get("top_p")),
        no_temperature=bool(view.parameters.get("no_temperature")),
        price_in=_text(view.price_in),
        price_out=_text(view.price_out),
        price_cached=_text(view.price_cached),
        fallbacks=fallback_values(view.fallbacks),
        is_default=view.is_default,
        is_cheap=view.is_cheap,
        is_enabled=view.is_enabled,
    )


def _change(form: dict[str, Any], before: ModelValues) -> ModelChange:
    return ModelChange.model_validate(
        {
            "kind": form.get("kind"),
            "environment": form.get("environment"),
            "capabilities": {
                **{name: bool(form.get(name)) for name in _SWITCHES},
                "context_window": form.get("context_window") or None,
            },
            "parameters": {
                "top_p": form.get("top_p") or None,
                "no_temperature": bool(form.get("no_temperature")),
            },
            **{name: form.get(name) or None for name in _NUMBERS},
            "fallbacks": fallbacks_of(form),
            "is_default": before.is_default,
            "is_cheap": before.is_cheap and form.get("kind") == before.kind,
            "is_enabled": before.is_enabled,
        }
    )


def _text(value: float | None) -> str:
    return (
        ""
        if value is None
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
