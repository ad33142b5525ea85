"""Values that a process knows are masked, however they are written."""

import json
from urllib.parse import quote
from uuid import uuid4

import pytest

from app.backend.core.masking import MASK, KnownSecrets, bound, known, learn, mask_said

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


def test_secrets_of_a_run_are_masked_in_what_it_says_and_all_in_logs() -> None:
    owner, provider, other = uuid4(), uuid4(), uuid4()
    learn("of-the-owner", owner)
    learn("of-somebody-else", other)
    said = "of-the-owner, of-somebody-else, of-a-provider"

    with bound({owner}):
        before = mask_said(said)
        learn("of-a-provider", provider)
        after = mask_said(said)

    assert before == f"{MASK}, of-somebody-else, of-a-provider"
    assert after == f"{MASK}, of-somebody-else, {MASK}"
    assert known().mask(said) == f"{MASK}, {MASK}, {MASK}"


def test_who_has_many_secrets_crowds_out_nobody_elses() -> None:
    secrets = KnownSecrets(["of-the-installation"])
    secrets.learn(["of-the-owner"], uuid4())

    secrets.learn((f"of-somebody-{number}" for number in range(2_000)), uuid4())

    assert secrets.mask("of-the-installation of-the-owner") == f"{MASK} {MASK}"
    assert secrets.mask("of-somebody-1999") == MASK
    assert len(list(secrets.of())) == 1_001
