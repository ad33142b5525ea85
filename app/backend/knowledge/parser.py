"""Reads one file in a process of its own, which may be killed: `python -m app.backend.knowledge.parser MEDIA_TYPE`."""

import re
import resource
import sys
from collections import Counter
from io import BytesIO

from bs4 import BeautifulSoup
from markitdown import StreamInfo
from markitdown.converters import DocxConverter, HtmlConverter
from pypdf import PdfReader

from app.backend.knowledge.parsed import Parsed, decode_text

SECONDS_MAX = 120
MEMORY_MAX = 2 * 1024**3
PAGES_MAX = 5000
EXIT_UNREADABLE = 3
_BOILERPLATE = "script, style, noscript, template, svg, nav, header, footer, aside, form, iframe, [hidden], [aria-hidden=true]"
_FULL_LINE = 0.7
_REPEATED = 0.6


class CannotRead(Exception):
    """The file cannot be read; the text is for its owner."""


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
    pages = [page.extract_text().splitlines() for page in reader.pages]
    running = find_running_lines(pages)
    return Parsed.from_pages([join_lines(page, running) for page in pages])


def read_docx(body: bytes) -> Parsed:
    """Return a Word document as Markdown."""
    found = DocxConverter().convert(BytesIO(body), StreamInfo(extension=".docx"))
    return Parsed(text=tidy_markdown(found.markdown), is_markdown=True)


def read_html(body: bytes) -> Parsed:
    """Return the main part of a web page as Markdown."""
    soup = BeautifulSoup(decode_text(body), "html.parser")
    title = soup.title.get_text(strip=True) if soup.title else ""
    main = soup.find("main") or soup.find("article") or soup.body or soup
    for element in main.select(_BOILERPLATE):
        # A header inside the text, as in <article><header><h1>, is no boilerplate.
        if element.name != "header" or element.find(["h1", "h2"]) is None:
            element.decompose()
    text = tidy_markdown(HtmlConverter().convert_string(str(main)).markdown)
    if title and not re.search(r"^# ", text, re.MULTILINE):
        text = f"# {title}\n\n{text}"
    return Parsed(text=text, is_markdown=True)


READERS = {
    "application/pdf": read_pdf,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": read_docx,
    "text/html": read_html,
}


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


def tidy_markdown(text: str) -> str:
    """Return Markdown without images, link targets and runs of blank lines."""
    text = re.sub(r"!\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\[([^\]]+)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)", r"\1", text)
    return re.sub(r"\n{3,}", "\n\n", text.replace("\xa0", " ")).strip()


def _shape(line: str) -> str:
    return re.sub(r"\d+", "#", line.strip())


def main() -> int:
    """Read the file from standard input and write its text to standard output, as JSON."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_MAX, SECONDS_MAX))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        parsed = READERS[sys.argv[1]](sys.stdin.buffer.read())
    except CannotRead as error:
        sys.stderr.write(str(error))
        return EXIT_UNREADABLE
    sys.stdout.write(parsed.model_dump_json())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
