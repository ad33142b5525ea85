"""What may stand in the place of a model."""

import pytest
from pydantic import TypeAdapter, ValidationError

from app.backend.core.errors import Invalid
from app.backend.models.fallbacks import FALLBACKS_MAX, Fallbacks, check_fallbacks

_NAMES: TypeAdapter[list[str]] = TypeAdapter(Fallbacks)


@pytest.mark.parametrize("chain", [["a/1"], ["b/2", "a/1"], ["b/2", "c/3", "b/2"]])
def test_chain_that_comes_back_is_refused(chain: list[str]) -> None:
    with pytest.raises(Invalid, match="would be asked twice"):
        check_fallbacks("a/1", chain)


def test_chain_of_others_is_taken() -> None:
    check_fallbacks("a/1", ["b/2", "c/3"])


def test_empty_names_are_none() -> None:
    assert _NAMES.validate_python([" b/2 ", "", " "]) == ["b/2"]


def test_chain_is_short() -> None:
    with pytest.raises(ValidationError):
        _NAMES.validate_python([f"b/{n}" for n in range(FALLBACKS_MAX + 1)])
