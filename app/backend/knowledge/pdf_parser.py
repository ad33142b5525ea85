"""Reads a PDF, in a process of its own."""

import re
from collections import Counter
from io import BytesIO

from pypdf import PdfReader

from app.backend.knowledge.parsed import Parsed, clean
from app.backend.knowledge.parser_process import CannotRead

PAGES_MAX = 5000
_FULL_LINE = 0.7
_REPEATED = 0.6


def read_pdf(body: bytes) -> Parsed:
    """Return the text of a PDF, page by page."""
    reader = PdfReader(BytesIO(body), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise CannotRead(
            "The PDF is protected by a password. Remove the password and upload it again."
        )
    if len(reader.pages) > PAGES_MAX:
        message = f"The PDF has {len(reader.pages)} pages; the limit is {PAGES_MAX}. Split it into smaller files."
        raise CannotRead(message)
    pages = [clean(page.extract_text()).splitlines() for page in reader.pages]
    running = find_running_lines(pages)
    return Parsed.from_pages([join_lines(page, running) for page in pages])


def find_running_lines(pages: list[list[str]]) -> set[str]:
    """Return the headers and footers: first and last lines that most pages share, but for numbers."""
    if len(pages) < 3:
        return set()
    ends = Counter[str]()
    for page in pages:
        lines = [line for line in page if line.strip()]
        ends.update({_shape(line) for line in (lines[:1] + lines[-1:])})
    return {
        line for line, count in ends.items() if count >= max(3, len(pages) * _REPEATED)
    }


def join_lines(lines: list[str], running: set[str]) -> str:
    """Return a page as paragraphs: a line that the margin broke goes on with the next one."""
    kept = [line.strip() for line in lines if _shape(line) not in running]
    widest = max((len(line) for line in kept), default=0)
    text = ""
    for before, line in zip(["", *kept], kept, strict=False):
        is_broken = (
            len(before) >= widest * _FULL_LINE
            and not before.endswith((".", ":", "!", "?"))
        ) or line[:1].islower()
        if re.search(r"[a-z]-$", before) and line[:1].islower():
            text = text[:-1] + line
        elif before and line and is_broken:
            text += f" {line}"
        else:
            text += f"\n{line}"
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _shape(line: str) -> str:
    return re.sub(r"\d+", "#", line.strip())
