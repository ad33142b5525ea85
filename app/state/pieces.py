"""The text of a document as pieces that a page shows: Markdown's marks become looks, and no character moves."""

import re
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from app.backend.knowledge.excerpts import is_markdown

# Each kind: what is dropped, what is shown in that look, what is dropped again.
_MARKS = re.compile(
    r"""
      ^(?P<fence>```|~~~)[^\n]*\n(?P<block>(?s:.*?))^(?P=fence)[ \t]*$
    | ^(?P<heading_mark>\#{1,6}[ \t]+)(?P<heading>[^\n]+)
    | ^(?P<drop>\|[ \t:|-]*-[ \t:|-]*(?:\n|$) | (?:---+|\*\*\*+|___+)[ \t]*(?:\n|$) | \|[ \t]* | >[ \t]?)
    | (?P<edge>[ \t]*\|[ \t]*$)
    | [ \t](?P<bar>\|)(?=[ \t])
    | (?P<strong_mark>\*\*|__)(?=\S)(?P<strong>[^\n]+?)(?P=strong_mark)
    | (?<![\w*])(?P<em_mark>\*)(?=[^\s*])(?P<em>[^*\n]*[^*\s])\*(?![\w*])
    | (?P<code_mark>`)(?P<code>[^`\n]+)`
    | (?P<link_mark>!?\[)(?P<link>[^\]\n]*)\]\([^)\n]*\)
    | ^[ \t]*(?P<item>[*+-])(?=[ \t])
    """,
    re.VERBOSE | re.MULTILINE,
)
# A line of the source that ends within a paragraph; code, headings, rules and tables are passed over whole.
_LINE_END = re.compile(
    r"""
      ^(?P<fence>```|~~~)(?s:.*?)^(?P=fence)[ \t]*$\n?
    | ^(?:\#{1,6}[ \t]|---|\*\*\*|___|\|)[^\n]*\n
    | (?<=[^\n ])(?P<soft>\n)(?=[^\W\d_] | \d+(?![\d.)]) | \*\*\w | `[^`] | [(\["'“])
    """,
    re.VERBOSE | re.MULTILINE,
)
_LOOKS = ("block", "heading", "strong", "em", "code", "link", "item", "bar")
_SHOWN = {"block": "code", "link": ""}
_KEPT_BEFORE = ("item", "bar")  # what stands between the match and its look is shown
_BULLET = "•"


class Piece(BaseModel):
    """Some text in one look: heading, strong, em, code, bar between cells, or none."""

    model_config = ConfigDict(frozen=True)

    text: str
    look: str = ""


def cut(
    text: str, start: int, end: int, *, name: str
) -> tuple[list[Piece], list[Piece], list[Piece]]:
    """Return what stands before, in and after `text[start:end]`; `name` tells whether the document is Markdown."""
    if is_markdown(name):
        text = _LINE_END.sub(lambda found: " " if found["soft"] else found[0], text)
        spans = list(_spans(text))
    else:
        spans = [(0, len(text), "")]
    return (
        _between(text, spans, 0, start),
        _between(text, spans, start, end),
        _between(text, spans, end, len(text)),
    )


Span = tuple[int, int, str]


def _spans(text: str) -> Iterator[Span]:
    at = 0
    for found in _MARKS.finditer(text):
        look = next((name for name in _LOOKS if found[name] is not None), "")
        yield at, found.start(look if look in _KEPT_BEFORE else 0), ""
        if look:
            yield found.start(look), found.end(look), look
        at = found.end()
    yield at, len(text), ""


def _between(text: str, spans: list[Span], start: int, end: int) -> list[Piece]:
    cuts = ((max(first, start), min(last, end), look) for first, last, look in spans)
    return [_piece(text[a:b], look) for a, b, look in cuts if a < b]


def _piece(text: str, look: str) -> Piece:
    if look == "item":
        return Piece(text=_BULLET)
    return Piece(text=text, look=_SHOWN.get(look, look))
