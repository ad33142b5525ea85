"""Makes the documents of the invented company from the texts in `world/`, each in its own format."""

import io
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

import docx
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate

FOLDER = Path(__file__).parent / "world"
_PAGE_BREAK = "<<page>>"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>body {{ color: #222 }}</style></head>
<body><nav><a href="/">Home</a> <a href="/shop">Shop</a> <a href="/login">Sign in</a></nav>
<main>{main}</main>
<footer>© Brindlewick Instruments · Imprint · Privacy</footer><script>track("page")</script></body></html>
"""


def make_documents() -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of every document."""
    for path in sorted(FOLDER.glob("*.md")):
        head, text = path.read_text(encoding="utf-8").split("\n", 1)
        ending = head.removeprefix("format:").strip()
        yield f"{path.stem}.{ending}", _WRITERS[ending](text.strip())


def _write_text(text: str) -> bytes:
    return text.encode()


def _write_pdf(text: str) -> bytes:
    styles = getSampleStyleSheet()
    story: list[Flowable] = []
    for kind, content in _blocks(text):
        if content == _PAGE_BREAK:
            story.append(PageBreak())
        else:
            style = {"#": "Title", "##": "Heading2"}.get(kind, "BodyText")
            story.append(Paragraph(escape(content), styles[style]))
    out = io.BytesIO()
    SimpleDocTemplate(out, pagesize=A4).build(story)
    return out.getvalue()


def _write_docx(text: str) -> bytes:
    document = docx.Document()
    for kind, content in _blocks(text):
        if kind == "|":
            lines = [line for line in content.split("\n") if "---" not in line]
            rows = [_cells(line) for line in lines]
            table = document.add_table(len(rows), len(rows[0]))
            for row, values in zip(table.rows, rows, strict=True):
                for cell, value in zip(row.cells, values, strict=True):
                    cell.text = value
        elif kind:
            document.add_heading(content, len(kind))
        else:
            document.add_paragraph(content)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _write_html(text: str) -> bytes:
    tags = {"#": "h1", "##": "h2", "": "p"}
    blocks = list(_blocks(text))
    main = "\n".join(
        f"<{tags[kind]}>{escape(content)}</{tags[kind]}>" for kind, content in blocks
    )
    return _PAGE.format(title=escape(blocks[0][1]), main=main).encode()


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """Yield (`#`, `##`, `|` or nothing, content) for headings, tables and paragraphs."""
    for block in re.split(r"\n{2,}", text):
        heading = re.fullmatch(r"(#{1,2}) (.+)", block)
        if heading:
            yield heading[1], heading[2]
        elif block.startswith("|"):
            yield "|", block
        else:
            yield "", block.strip()


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


_WRITERS = {
    "pdf": _write_pdf,
    "docx": _write_docx,
    "html": _write_html,
    "md": _write_text,
    "txt": _write_text,
}
