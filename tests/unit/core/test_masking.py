"""Values that a process knows are masked, however they are written."""

import json
from urllib.parse import quote

import pytest

from app.backend.core.masking import MASK, KnownSecrets

VALUE = 'pass "word"/ä\\'


@pytest.mark.parametrize(
    "text",
    [
        VALUE,
        json.dumps({"key": VALUE}),
        json.dumps({"key": VALUE}, ensure_ascii=False),
        repr([VALUE]),
        f"https://example.org/?key={quote(VALUE, safe='')}",
    ],
)
def test_value_is_masked_in_every_writing(text: str) -> None:
    masked = KnownSecrets([VALUE]).mask(text)

    assert MASK in masked
    assert "word" not in masked


def test_short_values_are_left_as_they_are() -> None:
    assert KnownSecrets(["short"]).mask("a short text") == "a short text"


def test_what_is_learnt_later_is_masked_too() -> None:
    known = KnownSecrets()
    before = known.version

    known.learn(["learnt-later"])
    known.learn(["learnt-later"])

    assert known.mask("learnt-later") == MASK
    assert known.version == before + 1
