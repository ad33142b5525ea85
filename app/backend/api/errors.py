"""Errors as HTTP: one body per kind, always JSON, never an exception's text."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from redis.exceptions import RedisError
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from app.backend.api import auth
from app.backend.core import masking
from app.backend.core.db import AWAY
from app.backend.core.errors import (
    AppError,
    Forbidden,
    Invalid,
    NotFound,
    ServiceUnavailable,
    TooMany,
    Unauthorized,
)
from app.backend.identity import refusals

logger = structlog.get_logger(__name__)

_OUTAGE = "does not answer. `atelier doctor` shows what is wrong; then try again."
_BODY = "body"
_NO_OBJECT = frozenset({"missing", "model_attributes_type", "model_type", "dict_type"})
_SEND_OBJECT = "Send a JSON object, with the header Content-Type: application/json"


class BodyTooLarge(AppError):
    """The request's body is larger than the route takes."""

    code = "BODY_TOO_LARGE"
    status = 413

    def __init__(self, bytes_max: int) -> None:
        super().__init__(
            f"The request is larger than {bytes_max:,} bytes, which is the most this address takes. Send less, and upload large texts as documents."
        )


def install(app: FastAPI) -> None:
    """Make `app` answer errors with our bodies."""
    app.add_exception_handler(AppError, _on_app_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(ValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(DataError, _on_data_error)
    for outage in (*AWAY, RedisError):
        app.add_exception_handler(outage, _on_outage)


def response_of(error: AppError) -> JSONResponse:
    """Return the answer that tells a client about `error`."""
    return JSONResponse(body_of(error), error.status, headers=_headers_of(error))


def body_of(error: AppError) -> dict[str, Any]:
    """Return the JSON that tells a client about `error`."""
    match error:
        case Invalid():
            return {"error": "Validation failed", "details": error.details}
        case NotFound():
            return {
                "error": "Resource not found",
                "resource": error.resource,
                "id": error.resource_id,
            }
        case ServiceUnavailable():
            return {
                "error": "External service error",
                "service": error.service,
                "retry_after": error.retry_after,
                "message": masking.known().mask(error.message),
            }
        case _:
            # What a service said may repeat the key that it was sent.
            message = masking.known().mask(error.message)
            known: dict[str, Any] = {"code": error.code, "message": message}
            if isinstance(error, TooMany):
                known["retry_after"] = error.retry_after
            return {"error": HTTPStatus(error.status).phrase, **known}


def internal_error(correlation_id: UUID) -> JSONResponse:
    """Return the answer for what nobody expected; the log has the rest under the same id."""
    body = {"error": "Internal server error", "correlation_id": str(correlation_id)}
    return JSONResponse(body, 500)


def no_route(path: str) -> NotFound:
    """Return the error for an address that does not exist."""
    return NotFound("route", path)


def details_of(
    errors: Sequence[Mapping[str, Any]], *, is_request: bool = False
) -> dict[str, list[str]]:
    """Return pydantic's errors as field names with messages; a request's begin with where the field was."""
    details: dict[str, list[str]] = {}
    for item in errors:
        path = [str(part) for part in item["loc"]][1 if is_request else 0 :]
        field, message = ".".join(path) or _BODY, str(item["msg"])
        if item["type"] == "json_invalid":
            field = _BODY
        elif not path and item["type"] in _NO_OBJECT:
            message = _SEND_OBJECT
        details.setdefault(field, []).append(_sentence(message))
    return details


def _sentence(message: str) -> str:
    text = message.removeprefix("Value error, ").rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def _headers_of(error: AppError) -> dict[str, str]:
    if isinstance(error, TooMany | ServiceUnavailable):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, Unauthorized):
        return {"WWW-Authenticate": "Bearer"}
    return {}


async def _on_app_error(request: Request, error: Exception) -> JSONResponse:
    actor = auth.find_known(request)
    if isinstance(error, Forbidden) and actor is not None:
        route: Any = request.scope.get("route")
        what = f"{request.method} {route.path}" if route else request.method
        await refusals.note_access(auth.parts_of(request).db, actor, what=what)
    return response_of(cast("AppError", error))


async def _on_validation_error(_: Request, error: Exception) -> JSONResponse:
    is_request = isinstance(error, RequestValidationError)
    errors = cast("RequestValidationError | ValidationError", error).errors()
    return response_of(Invalid(details_of(errors, is_request=is_request)))


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    found = cast("HTTPException", error)
    if isinstance(found.__cause__, AppError):
        return response_of(found.__cause__)
    if found.status_code == HTTPStatus.NOT_FOUND:
        return response_of(no_route(request.url.path))
    if found.status_code == HTTPStatus.BAD_REQUEST:
        message = "The body cannot be read. Send JSON in UTF-8, or a form."
        return response_of(Invalid.field(_BODY, message))
    phrase = HTTPStatus(found.status_code).phrase
    body = {"error": phrase, "code": phrase.upper().replace(" ", "_")}
    return JSONResponse(body, found.status_code, headers=found.headers)


async def _on_data_error(_: Request, error: Exception) -> JSONResponse:
    logger.warning("unstorable_input", error=str(error))
    message = "The input holds something that cannot be stored, such as a NUL character. Take it out."
    return response_of(Invalid.field(_BODY, message))


async def _on_outage(_: Request, error: Exception) -> JSONResponse:
    service = "redis" if isinstance(error, RedisError) else "database"
    logger.error("part_unavailable", service=service, exc_info=error)
    message = f"The {'queue (Redis)' if service == 'redis' else service} {_OUTAGE}"
    return response_of(ServiceUnavailable(message, service=service, retry_after=5))
