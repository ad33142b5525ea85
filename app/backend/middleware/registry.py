"""The types of middlewares: those that come with the product, and those that installed packages announce."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any

import structlog
from pydantic import ValidationError

from app.backend.core.errors import Invalid
from app.backend.middleware.base import Form, Middleware
from app.backend.middleware.builtin.cache import CacheMiddleware
from app.backend.middleware.builtin.context import (
    EditingMiddleware,
    SummaryMiddleware,
)
from app.backend.middleware.builtin.injection import InjectionMiddleware
from app.backend.middleware.builtin.log import LogMiddleware
from app.backend.middleware.builtin.pii import PiiMiddleware
from app.backend.middleware.builtin.rate import CallLimitMiddleware, RateMiddleware
from app.backend.middleware.builtin.retry import RetryMiddleware
from app.backend.middleware.builtin.tools import ToolsMiddleware
from app.backend.middleware.builtin.validation import ValidationMiddleware
from app.backend.middleware.schemas import MiddlewareTypeView
from app.backend.providers.forms import sentences

GROUP = "atelier.middleware"
FIELD = "config."
BUILTIN: tuple[type[Middleware], ...] = (
    LogMiddleware,
    CallLimitMiddleware,
    CacheMiddleware,
    RetryMiddleware,
    RateMiddleware,
    ValidationMiddleware,
    InjectionMiddleware,
    PiiMiddleware,
    ToolsMiddleware,
    SummaryMiddleware,
    EditingMiddleware,
)
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
logger = structlog.get_logger(__name__)


@cache
def types() -> Mapping[str, type[Middleware]]:
    """Return all types by their keys; those of the product come first, and their keys are not given away."""
    found = {one.info.key: one for one in BUILTIN}
    for point in sorted(entry_points(group=GROUP), key=lambda one: one.name):
        try:
            made: Any = point.load()
            _check(point.name, made)
        except Exception:
            logger.exception("middleware_type_left_out", name=point.name)
            continue
        found.setdefault(point.name, made)
    return found


def find_type(key: str) -> type[Middleware]:
    """Return a type.

    Raises:
        Invalid: there is none of that key.
    """
    if key not in types():
        message = f"{key!r} is no type of middleware. Choose from {', '.join(types())}, or install the package that brings it."
        raise Invalid.field("type", message)
    return types()[key]


def list_types() -> list[MiddlewareTypeView]:
    """Return what is shown of all types."""
    own = {one.info.key for one in BUILTIN}
    return [
        MiddlewareTypeView(
            key=key,
            label=one.info.label,
            about=one.info.about,
            priority=one.info.priority,
            is_custom=key not in own,
            config_schema=one.info.form.model_json_schema(),
        )
        for key, one in types().items()
    ]


def check_config(made: type[Middleware], values: dict[str, Any]) -> Form:
    """Return the settings of a middleware as its type wants them.

    Raises:
        Invalid: a field is missing or wrong.
    """
    try:
        return made.info.form.model_validate(values)
    except ValidationError as error:
        raise Invalid(sentences(error, FIELD)) from None


def _check(name: str, made: Any) -> None:
    if not _KEY.fullmatch(name):
        message = f"{name!r} is no name of a type: write small letters, digits and _, at most 40."
        raise ValueError(message)
    if not (isinstance(made, type) and issubclass(made, Middleware)):
        message = f"{name!r} is no subclass of Middleware."
        raise TypeError(message)
    if made.info.key != name:
        message = (
            f"The type says that it is {made.info.key!r}, and is announced as {name!r}."
        )
        raise ValueError(message)
