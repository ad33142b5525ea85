from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.backend.api import forms
from app.backend.core.errors import Conflict


@pytest.mark.parametrize(
    "path", ["/", "/runs/1", "/runs?status=failed&q=a", "/agents/1#log-5", "/a//b"]
)
def test_own_paths_are_kept(path: str) -> None:
    assert forms.local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "runs",
        "//evil.example",
        "///evil.example",
        "//[evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        "\x00/",
    ],
)
def test_other_places_become_the_home_page(path: str) -> None:
    assert forms.local_path(path) == "/"


@pytest.mark.timeout(60)  # Hypothesis makes its table of all characters first.
@given(st.text())
def test_nothing_leads_away(path: str) -> None:
    found = forms.local_path(path)

    assert found.startswith("/")
    assert not found.startswith(("//", "/\\"))
    assert urlsplit(found).netloc == ""


def test_back_to_a_page_says_why_and_keeps_what_was_typed() -> None:
    answer = forms.back_to("/login", Conflict("No & why?"), email="a@b.c", token="")

    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query == {"error": ["CONFLICT"], "email": ["a@b.c"]}
