"""What a reference to a secret looks like."""

import pytest

from app.backend.core.errors import Invalid
from app.backend.secrets import references


@pytest.mark.parametrize(
    "text",
    [
        "db:openai",
        "env:SECRET_OPENAI",
        "file:/run/secrets/openai",
        "vault:secret/team/openai#key",
    ],
)
def test_reference_is_read_and_written_the_same(text: str) -> None:
    assert references.is_reference(text)
    assert str(references.parse(text)) == text


@pytest.mark.parametrize("text", ["sk-1234", "", "db", "DB:x", "https://example.org"])
def test_anything_else_is_a_secret_itself(text: str) -> None:
    assert not references.is_reference(text)


@pytest.mark.parametrize(
    "text",
    [
        "db:",
        "db:a b",
        "env:A-B",
        "env:",
        "file:relative",
        "db:a\n",
        "vault:a/b",
        "vault:a#b",
    ],
)
def test_broken_reference_is_refused_and_says_what_is_right(text: str) -> None:
    with pytest.raises(Invalid, match="db:name"):
        references.parse(text)
