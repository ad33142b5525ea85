import pytest

from app.backend.knowledge.decoding import decode_text
from app.backend.knowledge.parsed import Parsed, clean


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "iso-8859-15"]
)
def test_decode_text_of_usual_encodings(encoding: str) -> None:
    text = "Die Größe der Bücher: äöü, ganz schön übel für die Übung."

    assert decode_text(text.encode(encoding)) == text


def test_decode_text_of_noise_never_fails() -> None:
    assert decode_text(bytes(range(128, 256)) * 3)


def test_decode_text_has_one_kind_of_line_end() -> None:
    assert decode_text(b"a\r\nb\rc") == "a\nb\nc"


def test_page_at_counts_from_one() -> None:
    parsed = Parsed.from_pages(["one", "two"])

    assert parsed.page_at(0) == 1
    assert parsed.page_at(parsed.text.index("two")) == 2
    assert Parsed(text="no pages").page_at(3) is None


def test_clean_drops_what_no_database_takes() -> None:
    assert clean("a\0b\ud800c") == "abc"
