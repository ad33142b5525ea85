import pytest

from app.backend.api import errors
from app.backend.core.errors import (
    AppError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    ServiceUnavailable,
    TooMany,
    Unauthorized,
)


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (
            Unauthorized(),
            401,
            {
                "error": "Unauthorized",
                "code": "AUTH_REQUIRED",
                "message": "Sign in to continue.",
            },
        ),
        (
            Forbidden("No."),
            403,
            {"error": "Forbidden", "code": "FORBIDDEN", "message": "No."},
        ),
        (
            Invalid.field("name", "Wrong."),
            400,
            {"error": "Validation failed", "details": {"name": ["Wrong."]}},
        ),
        (
            NotFound("agent", "1"),
            404,
            {"error": "Resource not found", "resource": "agent", "id": "1"},
        ),
        (
            Conflict("No."),
            409,
            {"error": "Conflict", "code": "CONFLICT", "message": "No."},
        ),
        (
            TooMany("Wait.", retry_after=7),
            429,
            {
                "error": "Too Many Requests",
                "code": "TOO_MANY_REQUESTS",
                "message": "Wait.",
                "retry_after": 7,
            },
        ),
        (
            ServiceUnavailable("Gone.", service="openai"),
            503,
            {
                "error": "External service error",
                "service": "openai",
                "retry_after": 30,
                "message": "Gone.",
            },
        ),
    ],
)
def test_each_error_has_its_body(
    error: AppError, status: int, body: dict[str, object]
) -> None:
    answer = errors.response_of(error)

    assert answer.status_code == status
    assert errors.body_of(error) == body


def test_waiting_time_is_a_header_too() -> None:
    answer = errors.response_of(TooMany("Wait.", retry_after=7))

    assert answer.headers["Retry-After"] == "7"


def test_details_name_the_field_and_end_with_a_stop() -> None:
    found = errors.details_of(
        [
            {"loc": ("body", "input", "query"), "msg": "field required", "type": "x"},
            {"loc": ("query", "limit"), "msg": "Value error, too big.", "type": "x"},
            {"loc": ("body", 17), "msg": "JSON decode error", "type": "json_invalid"},
        ],
        is_request=True,
    )

    assert found == {
        "input.query": ["Field required."],
        "limit": ["Too big."],
        "body": ["JSON decode error."],
    }


def test_body_that_is_no_object_says_what_to_send() -> None:
    found = errors.details_of(
        [{"loc": ("body",), "msg": "x", "type": "model_attributes_type"}],
        is_request=True,
    )

    assert found == {
        "body": ["Send a JSON object, with the header Content-Type: application/json."]
    }
