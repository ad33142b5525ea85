from hypothesis import given
from hypothesis import strategies as st

from app.backend.knowledge.chunking import (
    TOKENS_MAX,
    count_tokens,
    cut,
    searchable_text,
)
from app.backend.knowledge.parsed import Parsed

MANUAL = """Before any heading.

# Pump

Intro.

## Reset

Hold the button.

```
# not a heading
```

# Warranty

Two years.
"""


def test_cut_markdown_gives_each_section_its_headings() -> None:
    pieces = cut(Parsed(text=MANUAL, is_markdown=True))

    assert [piece.heading for piece in pieces] == [
        "",
        "Pump",
        "Pump > Reset",
        "Warranty",
    ]
    assert "# not a heading" in pieces[2].text


def test_cut_heading_without_text_makes_no_piece() -> None:
    pieces = cut(Parsed(text="# Title\n\n## Part\n\nText.", is_markdown=True))

    assert [piece.heading for piece in pieces] == ["Title > Part"]


def test_cut_pages_never_share_a_piece() -> None:
    parsed = Parsed.from_pages(["First page.", "", "Third page."])

    pieces = cut(parsed)

    assert [(piece.page, piece.text) for piece in pieces] == [
        (1, "First page."),
        (3, "Third page."),
    ]


def test_cut_long_text_ends_pieces_at_sentences() -> None:
    text = "The pump runs for nine hours and then it rests a while. " * 60

    pieces = cut(Parsed(text=text))

    assert len(pieces) > 3
    assert all(piece.text.endswith(".") for piece in pieces)


@given(st.text(alphabet="ab 日\n.#é", max_size=3000), st.booleans())
def test_cut_pieces_fit_and_lie_where_they_say(text: str, is_markdown: bool) -> None:
    for piece in cut(Parsed(text=text, is_markdown=is_markdown)):
        assert text[piece.start : piece.end] == piece.text
        assert count_tokens(piece.text) <= TOKENS_MAX


def test_count_tokens_of_other_scripts_counts_letters() -> None:
    assert count_tokens("日本語です") == 5


def test_searchable_text_names_document_and_section() -> None:
    found = searchable_text("pump_manual-v2.pdf", "Pump > Reset", "Hold.")

    assert found == "pump manual v2 > Pump > Reset\nHold."
