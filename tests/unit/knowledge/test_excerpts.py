"""Passages as plain words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.backend.files.validation import KINDS
from app.backend.knowledge.excerpts import excerpt, is_markdown, plain_text


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("## Returns\n\nWithin **30** _days_.", "Returns\nWithin 30 days."),
        ("Set `heat` in [the kiln](https://x.y/z).", "Set heat in the kiln."),
        ("| a | b |\n|---|---|\n| 1 | **2** |", "a · b\n1 · 2"),
        ("- one\n- two\n\n3. three\n4. four", "• one\n• two\n3. three\n4. four"),
        ("> Said.\n\n---\n\n![a tree](https://x.y/z.png)", "Said.\na tree"),
        ("```sh\n# a comment\n```", "# a comment"),
        ("<p align=center>Hi <b>you</b></p>\n\n<!-- no -->\n\nend", "Hi you\nend"),
        ("one\ntwo  \nthree", "one two\nthree"),
        ("2 * 3 * 4 and a_b_c", "2 * 3 * 4 and a_b_c"),
    ],
)
def test_marks_are_gone_and_words_stay(markdown: str, words: str) -> None:
    assert plain_text(markdown) == words


@pytest.mark.parametrize(
    ("passage", "words"),
    [
        ("| 1 | 2 |\n| **3** | 4 |", "1 · 2\n3 · 4"),
        ("|---|---|\n| 1 | 2 |", "1 · 2"),
        ("**The rest is in", "The rest is in"),
        ("the next passage.**", "the next passage."),
    ],
)
def test_passage_cut_out_of_a_mark_shows_none(passage: str, words: str) -> None:
    assert plain_text(passage) == words


def test_other_documents_keep_their_characters_but_not_their_line_ends() -> None:
    text = "# 1 * **2**\nis *not*\n\nMarkdown "

    assert excerpt(text, "a.txt") == "# 1 * **2** is *not*\nMarkdown"
    assert excerpt(text, "A.MD") == "1 * 2\nis not\nMarkdown"


def test_long_passage_ends_with_an_ellipsis() -> None:
    assert excerpt("one two three", "a.md", length_max=8) == "one two…"


def test_every_kind_that_is_parsed_into_markdown_is_known() -> None:
    assert {name for name in KINDS if is_markdown(f"a{name}")} == set(KINDS) - {
        ".pdf",
        ".txt",
    }


@given(st.text(alphabet="# *_`[]()!-|<>ab1.\n", max_size=80))
def test_any_text_is_read_and_nothing_is_made_up(text: str) -> None:
    assert set(plain_text(text)) <= set(text) | set("•· .\n")
