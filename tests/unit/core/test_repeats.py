"""An end that says the same over and over is found, and said once; what is meant to repeat is left alone."""

import pytest

from app.backend.core.repeats import repeated_size, say_once


@pytest.mark.parametrize(
    ("before", "piece"),
    [
        ("", "The answer is:\n\n"),
        ("Open the page Models, ", "and choose the server to connect to, "),
        ("Well, ", "very much "),
    ],
)
def test_repeated_end_is_said_once(before: str, piece: str) -> None:
    text = before + piece * 15

    assert repeated_size(text) == len(piece)
    assert say_once(text) == (before + piece).rstrip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Yes.",
        "ha " * 30,
        "| a | b |\n|---|---|\n" + "-" * 200,
        "Row, row, row your boat, " * 5,
        "The answer is:\n\n" * 9 + "Paris.",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert repeated_size(text) == 0
    assert say_once(text) == text
