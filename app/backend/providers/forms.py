"""Checks the settings of a provider by the schema of its type, with a sentence for each field that is wrong."""

from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.backend.core.actor import Actor, Role
from app.backend.core.errors import Forbidden, Invalid
from app.backend.core.settings import Settings
from app.backend.providers.handler import Form, Handler
from app.backend.providers.public_only import PrivateAddress, is_public
from app.backend.providers.registry import TYPES
from app.backend.providers.schemas import TypeView

FIELD = "settings."


def list_types(actor: Actor) -> list[TypeView]:
    """Return the types of providers that the actor may connect."""
    return [
        type_view(handler)
        for handler in TYPES.values()
        if not handler.info.is_for_admins or actor.role is Role.ADMIN
    ]


def type_view(handler: type[Handler]) -> TypeView:
    """Return what is shown of a type."""
    info = handler.info
    return TypeView(
        key=info.key,
        label=info.label,
        about=info.about,
        icon=info.icon,
        key_need=info.key_need,
        key_hint=info.key_hint,
        is_local=info.is_local,
        is_for_admins=info.is_for_admins,
        missing_package=handler.missing_package(),
        hosts=list(info.hosts),
        settings_schema=info.form.model_json_schema(),
    )


def check_settings(handler: type[Handler], values: dict[str, Any]) -> Form:
    """Return the settings as the type wants them.

    Raises:
        Invalid: a field is missing or wrong.
    """
    try:
        return handler.info.form.model_validate(values)
    except ValidationError as error:
        raise Invalid(sentences(error, FIELD)) from None


def sentences(error: ValidationError, prefix: str) -> dict[str, list[str]]:
    """Return what is wrong with each field of a form, by the field's name below `prefix`."""
    details: dict[str, list[str]] = {}
    for item in error.errors(include_url=False):
        name = str(item["loc"][0]) if item["loc"] else ""
        details.setdefault(f"{prefix}{name}", []).append(_sentence(item))
    return details


def check_place(
    actor: Actor, handler: type[Handler], settings: Form, *, rules: Settings
) -> None:
    """Refuse what only administrators may connect: their own code, and addresses of this machine and its network.

    A name whose address is private is refused when a connection is made.

    Raises:
        Forbidden: the type is for administrators.
        Invalid: the address is not public.
    """
    if actor.role is Role.ADMIN:
        return
    if handler.info.is_for_admins:
        message = f"{handler.info.label} runs code of its own, so only an administrator may connect it. Ask one."
        raise Forbidden(message)
    url = str(getattr(settings, "base_url", ""))
    host = urlsplit(url).hostname or ""
    if host and not rules.private_providers and _is_private(host):
        field = f"{FIELD}base_url"
        raise Invalid.field(field, str(PrivateAddress(host)))


def _is_private(host: str) -> bool:
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not is_public(host)
    except ValueError:
        return False


def _sentence(item: ErrorDetails) -> str:
    match item["type"]:
        case "missing":
            return "Fill this in."
        case "extra_forbidden":
            return "There is no such setting. Take it out."
        case _:
            text = str(item["msg"]).removeprefix("Value error, ").rstrip(".")
            return f"{text}."
