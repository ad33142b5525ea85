"""Hostile and broken files: each ends in words, in bounded time."""

import io
import zipfile

import docx
import pytest
from pypdf import PdfWriter
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from app.backend.files.validation import KINDS
from app.backend.knowledge.errors import Unreadable
from app.backend.knowledge.parsing import parse

PDF = KINDS[".pdf"].media_type
DOCX = KINDS[".docx"].media_type


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


async def test_parse_pdf_keeps_pages() -> None:
    parsed = await parse(make_pdf("First page.", "Second page."), PDF)

    assert parsed.text == "First page.\n\nSecond page."
    assert parsed.page_at(parsed.text.index("Second")) == 2


async def test_parse_docx_keeps_headings_and_tables() -> None:
    document = docx.Document()
    document.add_heading("Pump", 1)
    document.add_paragraph("Hold the button.")
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Code", "Meaning"
    out = io.BytesIO()
    document.save(out)

    parsed = await parse(out.getvalue(), DOCX)

    assert parsed.is_markdown
    assert "# Pump\n\nHold the button." in parsed.text
    assert "| Code | Meaning |" in parsed.text


async def test_parse_scan_without_text_says_so() -> None:
    with pytest.raises(Unreadable, match="OCR"):
        await parse(make_pdf(""), PDF)


async def test_parse_encrypted_pdf_says_so() -> None:
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret", algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)

    with pytest.raises(Unreadable, match="password"):
        await parse(out.getvalue(), PDF)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"%PDF-1.7 nothing", PDF),
        (b"PK\x03\x04 nothing", DOCX),
        (make_docx("<broken"), DOCX),
    ],
    ids=["pdf", "zip", "xml"],
)
async def test_parse_broken_file_says_so(body: bytes, media_type: str) -> None:
    with pytest.raises(Unreadable, match="broken or too complex"):
        await parse(body, media_type)


async def test_parse_xml_that_multiplies_itself_is_given_up() -> None:
    names = [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12)]
    bomb = f'<!DOCTYPE x [<!ENTITY e0 "lol">{"".join(names)}]><x>&e11;</x>'

    with pytest.raises(Unreadable):
        await parse(make_docx(bomb), DOCX)


async def test_parse_that_hangs_is_killed() -> None:
    body = make_pdf(*(f"Page {n} of a long document." for n in range(800)))

    with pytest.raises(Unreadable, match="longer than 0"):
        await parse(body, PDF, seconds_max=0.05)
