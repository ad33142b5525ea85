"""Reads a Word document, in a process of its own: WordprocessingML as Markdown, without what only looks.

Source: ECMA-376, part 1. Kept are headings, lists, tables, notes and all words; what is deleted or hidden is not.
"""

import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from lxml import (  # pyright: ignore[reportMissingTypeStubs] - it ships none
    etree,  # pyright: ignore[reportAttributeAccessIssue]
)

from app.backend.knowledge.docx_lists import Lists
from app.backend.knowledge.docx_styles import Styles, W, value_of
from app.backend.knowledge.parsed import Parsed, clean
from app.backend.knowledge.parser_process import CannotRead

_DOCUMENT = "word/document.xml"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_COMPATIBLE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
# What was deleted or moved away, and what describes and is not said.
_LEFT_OUT = frozenset(
    f"{W}{name}" for name in ("del", "moveFrom", "pPr", "rPr", "tblPr", "instrText")
)
_SIGNS = {f"{W}tab": " ", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "-"}
_NOTES = {
    f"{W}footnoteReference": "word/footnotes.xml",
    f"{W}endnoteReference": "word/endnotes.xml",
}
_HEADING_SIGNS = "######"
# The strict variant of the format differs in its names only.
_STRICT = {
    b"http://purl.oclc.org/ooxml/wordprocessingml/main": W[1:-1].encode(),
    b"http://purl.oclc.org/ooxml/officeDocument/math": _MATH[1:-1].encode(),
}
_Element = Any  # lxml ships no types


def read_docx(body: bytes) -> Parsed:
    """Return a Word document as Markdown."""
    with zipfile.ZipFile(BytesIO(body)) as archive:
        return Parsed(text=_Reader(archive).read(), is_markdown=True)


class _Reader:
    """Reads one document."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names = frozenset(archive.namelist())
        self._styles = Styles(self._part("word/styles.xml"))
        self._lists = Lists(self._part("word/numbering.xml"))
        self._notes: dict[str, dict[str, _Element]] = {}

    def read(self) -> str:
        """Return all of it."""
        document = self._part(_DOCUMENT)
        if document is None:
            raise CannotRead(
                "The document has no text part. Open it in a word processor, save it again, and upload the new file."
            )
        text = ""
        for block, gap in self._blocks(document):
            text += f"{gap if text else ''}{block}"
        return clean(text).replace("\xa0", " ").strip()

    def _part(self, name: str) -> _Element | None:
        if name not in self._names:
            return None
        # No entities and no network: what a hostile file declares is not looked at.
        parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        root = etree.fromstring(_as_usual(self._archive.read(name)), parser)
        if root.getroottree().docinfo.doctype:
            raise CannotRead(
                "The document declares entities, which no word processor does. Open it in one, save it again, and upload the new file."
            )
        return root

    def _blocks(self, parent: _Element) -> Iterator[tuple[str, str]]:
        """Yield paragraphs and tables as Markdown, each with what stands before it."""
        was_item = False
        for child in _below(parent, (f"{W}p", f"{W}tbl")):
            is_item = False
            if child.tag == f"{W}tbl":
                found = list(self._table(child))
            else:
                found, is_item = self._paragraph(child)
            for place, block in enumerate(found):
                is_next = is_item and was_item and place == 0
                yield block, "\n" if is_next else "\n\n"
            if found:
                was_item = is_item

    def _paragraph(self, paragraph: _Element) -> tuple[list[str], bool]:
        """Return a paragraph with the boxes and notes in it, and whether it is an item of a list."""
        beside: list[_Element] = []
        text = "".join(self._words(paragraph, beside)).strip()
        style = self._styles.of(paragraph)
        is_item = False
        if text and style.level:
            text = f"{_HEADING_SIGNS[: style.level]} {' '.join(text.split())}"
        elif text:
            mark = self._lists.mark(style)
            is_item = bool(mark)
            text = f"{mark}{text}"
        found = [text] if text else []
        for element in beside:
            found += [block for block, _ in self._blocks(element)]
        return found, is_item

    def _words(self, element: _Element, beside: list[_Element]) -> Iterator[str]:
        """Yield the words of a paragraph; what stands beside them comes into `beside`."""
        for child in element:
            tag = child.tag
            if tag in (f"{W}t", f"{_MATH}t"):
                yield child.text or ""
            elif tag in _SIGNS:
                yield _SIGNS[tag]
            elif tag in _NOTES:
                beside += self._note(_NOTES[tag], value_of(child, "id"))
            elif tag == f"{W}txbxContent":
                beside.append(child)
            elif tag == f"{_COMPATIBLE}AlternateContent":
                # The same for newer and older programs: one of them is read.
                yield from self._words(child[0] if len(child) else child, beside)
            elif tag not in _LEFT_OUT and not self._styles.is_hidden(child):
                yield from self._words(child, beside)

    def _note(self, part: str, key: str) -> list[_Element]:
        if part not in self._notes:
            root = self._part(part)
            notes = () if root is None else root
            self._notes[part] = {value_of(note, "id"): note for note in notes}
        # Once each: a note that refers to itself has no end.
        note = self._notes[part].pop(key, None)
        return [] if note is None else [note]

    def _table(self, table: _Element) -> Iterator[str]:
        rows = [list(_below(row, (f"{W}tc",))) for row in _below(table, (f"{W}tr",))]
        if len(rows) == 1 and len(rows[0]) == 1:
            # A frame, not a table.
            for block, _ in self._blocks(rows[0][0]):
                yield block
            return
        lines = [self._cells(row) for row in rows]
        width = max((len(line) for line in lines), default=0)
        if not any(any(line) for line in lines):
            return
        lines = [[*line, *[""] * (width - len(line))] for line in lines]
        lines.insert(1, ["---"] * width)
        yield "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def _cells(self, row: list[_Element]) -> list[str]:
        found: list[str] = []
        for cell in row:
            words = " ".join(block for block, _ in self._blocks(cell))
            found.append(" ".join(words.split()).replace("|", "\\|"))
            span = value_of(cell.find(f"{W}tcPr/{W}gridSpan"))
            found += [""] * (min(int(span), 64) - 1 if span.isdigit() else 0)
        return found


def _below(parent: _Element, tags: tuple[str, ...]) -> Iterator[_Element]:
    """Yield the nearest elements of these kinds, whatever fields, insertions or controls they stand in."""
    for child in parent:
        if child.tag in tags:
            yield child
        elif child.tag == f"{_COMPATIBLE}AlternateContent":
            yield from _below(child[0] if len(child) else child, tags)
        elif child.tag not in _LEFT_OUT:
            yield from _below(child, tags)


def _as_usual(xml: bytes) -> bytes:
    for strict, usual in _STRICT.items():
        xml = xml.replace(strict, usual)
    return xml
