"""The text of a document as pieces with looks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.state.pieces import Piece, cut


def _looks(text: str, name: str = "a.md") -> list[tuple[str, str]]:
    before, inside, after = cut(text, 0, len(text), name=name)
    assert (before, after) == ([], [])
    return [(piece.text, piece.look) for piece in inside]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# Kiln\nIt fires.", [("Kiln", "heading"), ("\nIt fires.", "")]),
        ("So **very** hot", [("So ", ""), ("very", "strong"), (" hot", "")]),
        ("Set `heat` now", [("Set ", ""), ("heat", "code"), (" now", "")]),
        ("See [it](https://x.y/z).", [("See ", ""), ("it", ""), (".", "")]),
        ("![a tree](https://x.y/z.png)", [("a tree", "")]),
        ("  * one\n- two", [("  ", ""), ("•", ""), (" one\n", ""), ("•", ""), (" two", "")]),
        ("```sh\n# no heading\n```\nx", [("# no heading\n", "code"), ("\nx", "")]),
        ("So *very* hot, 2*3*4", [("So ", ""), ("very", "em"), (" hot, 2*3*4", "")]),
        ("> Said.\n\n---\nx", [("Said.\n\n", ""), ("x", "")]),
        ("| a | b |\n|---|:-:|\n| 1 | `|` |\n", [("a ", ""), ("|", "bar"), (" b", ""), ("\n", ""), ("1 ", ""), ("|", "bar"), (" ", ""), ("|", "code"), ("\n", "")]),
        ("Two lines\nare one.\n\nNot this.", [("Two lines are one.\n\nNot this.", "")]),
        ("A `b`\n**c**\n`d`", [("A ", ""), ("b", "code"), (" ", ""), ("c", "strong"), (" ", ""), ("d", "code")]),
        ("Steps\n1. one\n2. two\n20 words", [("Steps\n1. one\n2. two 20 words", "")]),
        ("Two spaces  \nstay", [("Two spaces  \nstay", "")]),
        ("#no heading, 2 * 3 * 4", [("#no heading, 2 * 3 * 4", "")]),
        ("<script>x</script>", [("<script>x</script>", "")]),
    ],
)  # fmt: skip
def test_marks_become_looks(text: str, shown: list[tuple[str, str]]) -> None:
    assert _looks(text) == shown


def test_other_documents_are_shown_as_they_are() -> None:
    assert _looks("# 1 * **2**", name="a.txt") == [("# 1 * **2**", "")]


def test_passage_begins_and_ends_in_the_middle_of_a_look() -> None:
    text = "# One two\n"

    before, inside, after = cut(text, text.index("two"), len(text), name="A.MD")

    assert before == [Piece(text="One ", look="heading")]
    assert inside == [Piece(text="two", look="heading"), Piece(text="\n")]
    assert after == []


@given(st.text(alphabet="# *_`[]()!-ab\n"), st.integers(0, 40), st.integers(0, 40))
def test_what_is_shown_is_a_part_of_the_text_in_its_order(
    text: str, one: int, two: int
) -> None:
    start, end = sorted(min(place, len(text)) for place in (one, two))

    for part, rows in zip(
        (text[:start], text[start:end], text[end:]),
        cut(text, start, end, name="a.md"),
        strict=True,
    ):
        letters = iter(part.replace("\n", " "))
        shown = "".join(row.text for row in rows if row.text != "•").replace("\n", " ")
        assert all(letter in letters for letter in shown)
