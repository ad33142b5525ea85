"""What may be asked."""

import pytest

from app.backend.core.errors import Invalid
from app.backend.runs.inputs import QUERY_LENGTH_MAX, check_input, extra_of


def test_check_input_trims_the_query_and_keeps_the_rest() -> None:
    given = check_input({"query": "  Why? ", "language": "en"})

    assert given == {"query": "Why?", "language": "en"}
    assert extra_of(given) == {"language": "en"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (None, "input"),
        ([], "input"),
        ("Why?", "input"),
        ({}, "query"),
        ({"query": 3}, "query"),
        ({"query": None}, "query"),
        ({"query": ""}, "query"),
        ({"query": " \n\t "}, "query"),
        ({"query": "a" * (QUERY_LENGTH_MAX + 1)}, "query"),
        ({"query": "a", "more": "b" * 1_000_000}, "input"),
        ({"query": "a\x00b"}, "query"),
        ({"query": "a", "more": ["b\x00"]}, "input"),
        ({"query": "a", "more": {"b\x00": 1}}, "input"),
        ({"query": "a", "more": float("nan")}, "input"),
        ({"query": "a", "more": b"binary"}, "input"),
        ({"query": "a\ud800"}, "input"),
    ],
)
def test_check_input_refuses_and_names_the_field(given: object, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_input(given)

    assert list(caught.value.details) == [field]
    assert caught.value.message.endswith(".")


def test_check_input_takes_the_words_for_a_nul_character() -> None:
    given = {"query": r"What is \u0000?", "more": r"\\u0000"}

    assert check_input(given) == given
