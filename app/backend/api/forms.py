"""Input that comes as a form of a page or as JSON, and the answer in the same manner."""

from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse

from app.backend.api.errors import details_of
from app.backend.core.errors import AppError, Invalid

HOME = "/"
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_FIELDS_MAX = 20
# What the pages' scripts copy from the address into hidden fields, once they run.
_COPIED = frozenset({"next", "token"})

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Given:
    """What a form or a JSON body holds."""

    fields: dict[str, Any]
    is_form: bool

    def parse(self, model: type[M]) -> M:
        """Return the fields as `model`.

        Raises:
            Invalid: with each field's messages.
        """
        try:
            return model.model_validate(self.fields)
        except ValidationError as error:
            raise Invalid(details_of(error.errors())) from None

    @property
    def then(self) -> str:
        """Where a form wants to go on: a path of ours, whatever it says."""
        return local_path(str(self.fields.get("next") or HOME))


def form_or_json(*models: type[BaseModel]) -> dict[str, Any]:
    """Return what the description of the API says about a route for strangers that takes one of `models` either way."""
    schemas = [model.model_json_schema() for model in models]
    schema = {"schema": schemas[0] if len(schemas) == 1 else {"oneOf": schemas}}
    kinds = ("application/x-www-form-urlencoded", "application/json")
    content = dict.fromkeys(kinds, schema)
    return {"requestBody": {"required": True, "content": content}, "security": []}


async def read(request: Request) -> Given:
    """Return the body as fields.

    Raises:
        Invalid: it is neither a form nor a JSON object.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in _FORMS:
        async with request.form(max_files=0, max_fields=_FIELDS_MAX) as form:
            fields = {
                name: value
                for name, value in form.items()
                if not isinstance(value, UploadFile)
            }
        return Given({**_copied(request), **_filled(fields)}, is_form=True)
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Invalid.field("body", "Send a JSON object, or a form.")
    return Given(body, is_form=False)


def _copied(request: Request) -> dict[str, str]:
    # A form that was sent before the scripts ran lacks them; the guard has checked that the page is ours.
    try:
        query = urlsplit(request.headers.get("referer", "")).query
    except ValueError:
        return {}
    return {name: value for name, value in parse_qsl(query) if name in _COPIED}


def _filled(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in fields.items() if value or name not in _COPIED
    }


def back_to(page: str, error: AppError, **fields: str) -> RedirectResponse:
    """Return to a page that says what the error's code means, with what need not be typed again."""
    return go_on(page, error=error.code, **fields)


def go_on(page: str, **fields: str) -> RedirectResponse:
    """Go on to a page that reads the fields that are not empty from its address."""
    query = urlencode({name: value for name, value in fields.items() if value})
    return RedirectResponse(f"{page}?{query}" if query else page, 303)


def local_path(path: str) -> str:
    """Return `path` when it stays on this host, else the home page."""
    try:
        parts = urlsplit(path)
    except ValueError:
        return HOME
    is_local = path.startswith("/") and not parts.scheme and not parts.netloc
    is_plain = "\\" not in path and path.isprintable() and not path.startswith("//")
    return path if is_local and is_plain else HOME
