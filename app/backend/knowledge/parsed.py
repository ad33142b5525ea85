"""The text of a document as the parser found it, with its pages."""

import codecs
from bisect import bisect_right

from charset_normalizer import from_bytes
from pydantic import BaseModel, ConfigDict

PAGE_GAP = "\n\n"
_SAMPLE = 64 * 1024
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Parsed(BaseModel):
    """The whole text; `page_starts` says at which character each page begins, and is empty without pages."""

    model_config = ConfigDict(frozen=True)

    text: str
    is_markdown: bool = False
    page_starts: list[int] = []

    @classmethod
    def from_pages(cls, pages: list[str]) -> "Parsed":
        """Return the text of numbered pages."""
        starts, place = list[int](), 0
        for page in pages:
            starts.append(place)
            place += len(page) + len(PAGE_GAP)
        return cls(text=PAGE_GAP.join(pages), page_starts=starts)

    def page_at(self, place: int) -> int | None:
        """Return the number of the page at a character, counted from 1."""
        return bisect_right(self.page_starts, place) or None

    def spans(self) -> list[tuple[int, int]]:
        """Return where each page begins and ends; one span without pages."""
        if not self.page_starts:
            return [(0, len(self.text))]
        ends = [start - len(PAGE_GAP) for start in self.page_starts[1:]]
        return list(zip(self.page_starts, [*ends, len(self.text)], strict=True))


def decode_text(body: bytes) -> str:
    """Return text of any usual encoding; UTF-8 is tried first, guessing comes last."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return clean(body.decode(encoding, errors="replace"))
    try:
        return clean(body.decode("utf-8"))
    except UnicodeDecodeError:
        best = from_bytes(body[:_SAMPLE]).best()
        encoding = best.encoding if best is not None else "cp1252"
        return clean(body.decode(encoding, errors="replace"))


def clean(text: str) -> str:
    """Return the text with one kind of line end, and without what no database takes."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text.encode("utf-8", errors="ignore").decode("utf-8")
