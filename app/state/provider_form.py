"""Forms that are drawn from a JSON schema, as those of providers and middlewares are; and what a sent form says."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict

from app.backend.core.errors import Invalid
from app.backend.providers.forms import FIELD
from app.backend.providers.schemas import TypeView

_AREAS = {"object": "json", "array": "lines"}
_LONG = 1_000


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
    """A field of the form; `kind` is the control: text, area, number, choice, switch, json or lines."""

    model_config = ConfigDict(frozen=True)

    field: str
    label: str
    hint: str
    kind: str
    value: str
    placeholder: str
    options: list[str] = []
    is_on: bool = False


def tile_of(view: TypeView) -> TypeTile:
    """Return the tile of a type."""
    return TypeTile(
        **view.model_dump(include=set(TypeTile.model_fields) - {"key_need"}),
        key_need=view.key_need.value,
    )


def fields_of(
    schema: dict[str, Any], values: dict[str, Any], *, prefix: str = FIELD
) -> list[SettingField]:
    """Return the fields of a form, with `values` in them."""
    return [
        SettingField(
            field=f"{prefix}{name}",
            label=str(prop.get("title", name)),
            hint=str(prop.get("description", "")),
            kind=_kind(prop),
            value=_shown(values.get(name, prop.get("default", ""))),
            placeholder=str(next(iter(prop.get("examples", [])), "")),
            options=[str(one) for one in prop.get("enum", [])],
            is_on=bool(values.get(name, prop.get("default"))),
        )
        for name, prop in _properties(schema).items()
    ]


def settings_of(
    schema: dict[str, Any], form: dict[str, Any], *, prefix: str = FIELD
) -> dict[str, Any]:
    """Return the settings that a sent form says; an empty field is left to its default, but for lists and switches.

    Raises:
        Invalid: a field should be JSON, and is not.
    """
    settings: dict[str, Any] = {}
    for name, prop in _properties(schema).items():
        sent, kind = form.get(f"{prefix}{name}"), _kind(prop)
        text = str(sent or "").strip()
        if kind == "switch":
            settings[name] = bool(sent)
        elif text or (kind == "lines" and sent is not None):
            settings[name] = _value(f"{prefix}{name}", text, kind)
    return settings


def _properties(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return schema.get("properties", {})


def _kind(prop: dict[str, Any]) -> str:
    if prop.get("enum"):
        return "choice"
    if prop.get("type") == "boolean":
        return "switch"
    if prop.get("type") in _AREAS:
        return _AREAS[prop["type"]]
    if prop.get("type") in {"integer", "number"}:
        return "number"
    return "area" if prop.get("maxLength", 0) >= _LONG else "text"


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
