"""Which e-mail addresses are taken: those of one mailbox, which a letter can be written to."""

import pytest
from pydantic import TypeAdapter, ValidationError

from app.backend.identity.schemas import Email

EMAIL = TypeAdapter[str](Email)


@pytest.mark.parametrize(
    "address",
    ["ada@example.org", "o'neil+news=x?y@mail.example.co.uk", "ädä@exämple.org"],
)
def test_address_of_one_mailbox_is_taken(address: str) -> None:
    assert EMAIL.validate_python(f" {address.upper()} ") == address


@pytest.mark.parametrize(
    "address",
    [
        "x1,bob@example.org",
        "x1;bob@example.org",
        "bob(x1)@example.org",
        "<bob@example.org",
        "x:bob@example.org",
        '"bob"@example.org',
        "bob\\@example.org",
        "bob@[example.org",
        "bob@example.org]",
        "=?utf-8?q?=0a?=@example.org",
    ],
)
def test_address_that_a_letter_reads_otherwise_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="is no e-mail address"):
        EMAIL.validate_python(address)
