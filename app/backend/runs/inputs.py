"""Checks the input of a run: an object with a question."""

import json
from typing import Any

from app.backend.core.errors import Invalid
from app.backend.core.texts import NUL

QUERY_LENGTH_MAX = 20_000
INPUT_BYTES_MAX = 100_000


def check_input(given: Any) -> dict[str, Any]:
    """Return the input with its `query` trimmed; other keys stay as they are.

    Raises:
        Invalid: it is no object, has no text in `query`, is too large, or holds what JSON cannot.
    """
    if not isinstance(given, dict):
        raise Invalid.field(
            "input", 'The input must be a JSON object, such as {"query": "…"}.'
        )
    query = given.get("query")
    if not isinstance(query, str):
        raise Invalid.field(
            "query", 'The input needs a `query` with text, such as {"query": "…"}.'
        )
    query = query.strip()
    if not query:
        raise Invalid.field("query", "The question is empty. Write what to ask.")
    if len(query) > QUERY_LENGTH_MAX:
        raise Invalid.field(
            "query",
            f"The question has {len(query):,} characters; {QUERY_LENGTH_MAX:,} are allowed. Shorten it, or upload the text as a document.",
        )
    if NUL in query:
        raise Invalid.field(
            "query", "A NUL character cannot be stored. Take it out of the question."
        )
    checked = {**given, "query": query}
    _check_size(checked)
    return checked


def query_of(given: dict[str, Any]) -> str:
    """Return the question of a checked input."""
    return str(given["query"])


def _check_size(given: dict[str, Any]) -> None:
    try:
        text = json.dumps(given, allow_nan=False, ensure_ascii=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError):
        raise Invalid.field(
            "input",
            "The input holds something that is no JSON, such as NaN. Take it out.",
        ) from None
    # JSON writes NUL as an escape; a backslash that somebody wrote is doubled.
    if "\\u0000" in text.replace("\\\\", ""):
        raise Invalid.field(
            "input",
            "The input holds a NUL character, which cannot be stored. Send text, and upload files as documents.",
        )
    if size > INPUT_BYTES_MAX:
        raise Invalid.field(
            "input",
            f"The input has {size:,} bytes; {INPUT_BYTES_MAX:,} are allowed. Upload large texts as documents.",
        )


def extra_of(given: dict[str, Any]) -> dict[str, Any]:
    """Return what a checked input has besides its question."""
    return {name: value for name, value in given.items() if name != "query"}
