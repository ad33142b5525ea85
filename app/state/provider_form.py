"""The form of a provider, drawn from the JSON schema of its type; and what a sent form says."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict

from app.backend.core.errors import Invalid
from app.backend.providers.forms import FIELD
from app.backend.providers.schemas import TypeView

_AREAS = {"object": "json", "array": "lines"}


class TypeTile(BaseModel):
    """A type of provider to choose."""

    model_config = ConfigDict(frozen=True)

    key: str = ""
    label: str = ""
    about: str = ""
    icon: str = ""
    key_need: str = "none"
    key_hint: str = ""
    missing_package: str = ""


class SettingField(BaseModel):
    """A field of the form; `kind` is the control: text, number, json or lines."""

    model_config = ConfigDict(frozen=True)

    field: str
    label: str
    hint: str
    kind: str
    value: str
    placeholder: str


def tile_of(view: TypeView) -> TypeTile:
    """Return the tile of a type."""
    return TypeTile(
        **view.model_dump(include=set(TypeTile.model_fields) - {"key_need"}),
        key_need=view.key_need.value,
    )


def fields_of(view: TypeView, values: dict[str, Any]) -> list[SettingField]:
    """Return the fields of a type's settings, with `values` in them."""
    schema: dict[str, dict[str, Any]] = view.settings_schema.get("properties", {})
    return [
        SettingField(
            field=f"{FIELD}{name}",
            label=str(prop.get("title", name)),
            hint=str(prop.get("description", "")),
            kind=_kind(prop),
            value=_shown(values.get(name, prop.get("default", ""))),
            placeholder=str(next(iter(prop.get("examples", [])), "")),
        )
        for name, prop in schema.items()
    ]


def settings_of(view: TypeView, form: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that a sent form says; an empty field is left to its default.

    Raises:
        Invalid: a field should be JSON, and is not.
    """
    schema: dict[str, dict[str, Any]] = view.settings_schema.get("properties", {})
    settings: dict[str, Any] = {}
    for name, prop in schema.items():
        text = str(form.get(f"{FIELD}{name}", "")).strip()
        if text:
            settings[name] = _value(f"{FIELD}{name}", text, _kind(prop))
    return settings


def _kind(prop: dict[str, Any]) -> str:
    if prop.get("type") in _AREAS:
        return _AREAS[prop["type"]]
    return "number" if prop.get("type") in {"integer", "number"} else "text"


def _shown(value: Any) -> str:
    match value:
        case dict():
            return json.dumps(value, indent=2, ensure_ascii=False) if value else ""
        case list():
            return "\n".join(map(str, value))
        case _:
            return str(value)


def _value(field: str, text: str, kind: str) -> Any:
    if kind == "lines":
        return [line.strip() for line in text.splitlines() if line.strip()]
    if kind != "json":
        return text
    try:
        return json.loads(text)
    except ValueError:
        message = 'Write JSON, such as {"region": "eu"}.'
        raise Invalid.field(field, message) from None
