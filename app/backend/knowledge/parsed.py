"""The text of a document as the parser found it, with its pages."""

from bisect import bisect_right
from dataclasses import dataclass, field

PAGE_GAP = "\n\n"


@dataclass(frozen=True)
class Parsed:
    """The whole text; `page_starts` says at which character each page begins, and is empty without pages.

    A plain dataclass: the process of a parser lives for one file, and pydantic takes longer to import than most to read.
    """

    text: str
    is_markdown: bool = False
    page_starts: list[int] = field(default_factory=list[int])

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


def clean(text: str) -> str:
    """Return the text with one kind of line end, and without what no database takes."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text.encode("utf-8", errors="ignore").decode("utf-8")
