"""Hostile and broken files: each ends in words, in bounded time."""

import asyncio
import base64
import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator

import docx
import psutil
import pytest
from pypdf import PdfWriter
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from app.backend.files.validation import KINDS
from app.backend.knowledge.errors import Unreadable
from app.backend.knowledge.parsers import Parsers
from app.backend.knowledge.parsing import parse

PDF = KINDS[".pdf"].media_type
DOCX = KINDS[".docx"].media_type
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


# Says what the first file of a kind imports, as the process that parsers are forked from has loaded their reader.
FIRST_FILE = """
import base64, sys
from types import ModuleType
sys.modules["magika"] = ModuleType("magika")
from app.backend.knowledge.parser_main import _reader
kind, body = sys.argv[1], base64.b64decode(sys.stdin.read())
read = _reader(kind)
before = set(sys.modules)
read(body)
print(*sorted(set(sys.modules) - before))
"""


@pytest.fixture(scope="module")
def parsers() -> Iterator[Parsers]:
    made = Parsers()
    yield made
    made.close()


def find_server() -> psutil.Process:
    (server,) = (
        child
        for child in psutil.Process().children()
        if "app.backend.knowledge.parser_main" in child.cmdline()
    )
    return server


def make_pdf(*pages: str) -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4)
    for page in pages:
        canvas.drawString(72, 700, page)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def make_docx(document_xml: str) -> bytes:
    out = io.BytesIO()
    plain = docx.Document()
    plain.save(out)
    changed = io.BytesIO()
    with zipfile.ZipFile(out) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            body = document_xml if name == "word/document.xml" else old.read(name)
            new.writestr(name, body)
    return changed.getvalue()


async def test_parse_pdf_keeps_pages(parsers: Parsers) -> None:
    parsed = await parse(parsers, make_pdf("First page.", "Second page."), PDF)

    assert parsed.text == "First page.\n\nSecond page."
    assert parsed.page_at(parsed.text.index("Second")) == 2


async def test_parse_docx_keeps_headings_and_tables(parsers: Parsers) -> None:
    document = docx.Document()
    document.add_heading("Pump", 1)
    document.add_paragraph("Hold the button.")
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Code", "Meaning"
    out = io.BytesIO()
    document.save(out)

    parsed = await parse(parsers, out.getvalue(), DOCX)

    assert parsed.is_markdown
    assert "# Pump\n\nHold the button." in parsed.text
    assert "| Code | Meaning |" in parsed.text


@pytest.mark.parametrize("kind", ["pdf", "docx", "html"])
def test_fork_that_reads_a_file_imports_nothing(kind: str) -> None:
    text = f'<w:document xmlns:w="{W}"><w:body><w:p/></w:body></w:document>'
    body = {
        "pdf": make_pdf("Seen"),
        "docx": make_docx(text),
        "html": b"<p>Seen</p><form>Not this</form>",
    }[kind]
    done = subprocess.run(
        [sys.executable, "-c", FIRST_FILE, kind],
        input=base64.b64encode(body),
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().strip() == ""


async def test_parse_scan_without_text_says_so(parsers: Parsers) -> None:
    with pytest.raises(Unreadable, match="OCR"):
        await parse(parsers, make_pdf(""), PDF)


async def test_parse_encrypted_pdf_says_so(parsers: Parsers) -> None:
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)

    with pytest.raises(Unreadable, match="password"):
        await parse(parsers, out.getvalue(), PDF)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"%PDF-1.7 nothing", PDF),
        (b"PK\x03\x04 nothing", DOCX),
        (make_docx("<broken"), DOCX),
    ],
    ids=["pdf", "zip", "xml"],
)
async def test_parse_broken_file_says_so(
    parsers: Parsers, body: bytes, media_type: str
) -> None:
    with pytest.raises(Unreadable, match="broken or too complex"):
        await parse(parsers, body, media_type)


async def test_parse_xml_that_multiplies_itself_is_given_up(parsers: Parsers) -> None:
    names = [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12)]
    bomb = f'<!DOCTYPE x [<!ENTITY e0 "lol">{"".join(names)}]><x>&e11;</x>'

    with pytest.raises(Unreadable):
        await parse(parsers, make_docx(bomb), DOCX)


async def test_parse_that_hangs_is_killed(parsers: Parsers) -> None:
    body = make_pdf(*(f"Page {n} of a long document." for n in range(800)))

    with pytest.raises(Unreadable, match="longer than 0"):
        await parse(parsers, body, PDF, seconds_max=0.05)


async def test_file_that_is_given_up_is_not_read_on(parsers: Parsers) -> None:
    long = make_pdf(*("Long." for _ in range(800)))
    with pytest.raises(Unreadable):
        await parse(parsers, long, PDF, seconds_max=0.05)

    parsed = await parse(parsers, make_pdf("Short."), PDF)

    assert parsed.text == "Short."
    _, left = psutil.wait_procs(find_server().children(), timeout=5)
    assert left == []


async def test_files_side_by_side_are_read_each_for_itself(parsers: Parsers) -> None:
    texts = [f"Number {n}." for n in range(6)]

    read = await asyncio.gather(
        *(parse(parsers, make_pdf(text), PDF) for text in texts)
    )

    assert [one.text for one in read] == texts


async def test_process_that_has_gone_is_started_again(parsers: Parsers) -> None:
    await parse(parsers, make_pdf("Before."), PDF)
    server = find_server()
    server.kill()
    server.wait(5)

    parsed = await parse(parsers, make_pdf("After."), PDF)

    assert parsed.text == "After."
