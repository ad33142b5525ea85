"""Passages as a reader takes them in at a glance: the words, without the marks of Markdown."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import PurePath

from markdown_it import MarkdownIt
from markdown_it.token import Token

EXCERPT_MAX = 600
# DOCX and HTML are stored as Markdown too.
_MARKDOWN = frozenset({".md", ".markdown", ".docx", ".html", ".htm"})
_CELLS = " · "
_BULLET = "•"
_BREAKS = {"softbreak": " ", "hardbreak": "\n"}
_ROW = "|"
_RULE = frozenset("|-: ")


def is_markdown(document_name: str) -> bool:
    """Tell whether the text of a document with this name is Markdown."""
    return PurePath(document_name.lower()).suffix in _MARKDOWN


def excerpt(text: str, document_name: str, *, length_max: int = EXCERPT_MAX) -> str:
    """Return the beginning of a passage as plain text, a block a line."""
    words = plain_text(text) if is_markdown(document_name) else _unwrap(text)
    if len(words) <= length_max:
        return words
    return f"{words[:length_max].rstrip()}…"


def plain_text(markdown: str) -> str:
    """Return the words of a Markdown text, which may begin or end in the middle of a mark."""
    return "\n".join(line for line in _lines(_parser().parse(markdown)) if line)


def _unwrap(text: str) -> str:
    # A PDF breaks its lines where its paper ended.
    blocks = (" ".join(block.split()) for block in text.split("\n\n"))
    return "\n".join(block for block in blocks if block)


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


def _lines(tokens: Sequence[Token]) -> Iterator[str]:
    cells: list[str] | None = None
    mark = ""
    for token in tokens:
        match token.type:
            case "tr_open":
                cells = []
            case "tr_close":
                yield _CELLS.join(cells or ())
                cells = None
            case "list_item_open":
                mark = f"{token.info}. " if token.info else f"{_BULLET} "
            case "inline" | "fence" | "code_block" | "html_block":
                words = _words(token)
                if cells is None:
                    yield mark + words if words else ""
                else:
                    cells.append(words)
                mark = ""
            case _:
                pass


def _words(token: Token) -> str:
    match token.type:
        case "html_block":
            return "".join(map(_words, _parser().parseInline(token.content)))
        case "inline" if token.content.startswith(_ROW):
            return _rows(token)
        case "inline":
            return "".join(map(_inline, token.children or ())).strip()
        case _:
            return token.content.rstrip()


def _inline(token: Token) -> str:
    match token.type:
        case "text":
            # A pair of stars whose other half is in another passage.
            return token.content.replace("**", "")
        case "code_inline" | "image":
            return token.content
        case _:
            return _BREAKS.get(token.type, "")


def _rows(token: Token) -> str:
    """Return rows of a table whose head is in another passage."""
    parts = (
        "\n" if part.type == "softbreak" else _inline(part)
        for part in token.children or ()
    )
    rows = (row for row in "".join(parts).split("\n") if set(row) - _RULE)
    return "\n".join(
        _CELLS.join(cell.strip() for cell in row.strip().strip(_ROW).split(_ROW))
        for row in rows
    )
