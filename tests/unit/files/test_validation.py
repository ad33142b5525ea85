import io
import struct
import time
import zipfile
import zlib

import pytest
from pypdf import PdfWriter

from app.backend.files.errors import FileRefused, FileTooLarge
from app.backend.files.validation import inspect_upload, safe_name

LIMIT = 10 * 1024 * 1024
REFUSED_SECONDS_MAX = 0.2


def make_pdf(*, password: str = "") -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    if password:
        writer.encrypt(password, algorithm="AES-256")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def make_zip(entries: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in entries.items():
            archive.writestr(name, body)
    return out.getvalue()


def make_lying_docx(*, real: int, declared: int) -> bytes:
    """Return a DOCX whose only part says in all headers that it is smaller than it is."""
    body = make_zip({"word/document.xml": b"\0" * real})
    return body.replace(struct.pack("<I", real), struct.pack("<I", declared))


DOCX = make_zip({"[Content_Types].xml": b"<x/>", "word/document.xml": b"<w/>"})


@pytest.mark.parametrize(
    ("name", "body", "media_type"),
    [
        ("a.pdf", make_pdf(), "application/pdf"),
        ("A.PDF", make_pdf(), "application/pdf"),
        (
            "a.docx",
            DOCX,
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        ("a.html", b"<!doctype html><p>Text</p>", "text/html"),
        ("a.md", "# Größe\n".encode(), "text/markdown"),
        ("a.txt", "Größe\n".encode("cp1252"), "text/plain"),
        ("a.txt", "Größe\n".encode("utf-16"), "text/plain"),
        ("a.txt", b"MZ is how a Windows program begins.", "text/plain"),
        ("a.txt", b"BM and II and ID3 are short marks.", "text/plain"),
        ("übersicht 2026.md", b"text", "text/markdown"),
    ],
)
def test_inspect_upload_good_file_is_accepted(
    name: str, body: bytes, media_type: str
) -> None:
    upload = inspect_upload(name, body, size_max=LIMIT)

    assert (upload.name, upload.media_type, upload.size) == (
        name,
        media_type,
        len(body),
    )


BAD = {
    "zero bytes": ("a.pdf", b"", "is empty (0 bytes)"),
    "only blanks": ("a.txt", b" \n ", "nothing but blanks"),
    "renamed exe": (
        "a.pdf",
        b"MZ\x90\0\x03\0\0\0\x04\0" + b"\0" * 500,
        "is not a PDF, although its name says so: it looks like a Windows program",
    ),
    "renamed elf": ("a.txt", b"\x7fELF\x02\x01\x01" + b"\0" * 99, "a Linux program"),
    "image as text": ("a.md", b"GIF89a" + b"\x01" * 50, "is not text"),
    "image as html": ("a.html", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "is not text"),
    "html as pdf": ("a.pdf", b"<!doctype html><p>Hi</p>", "is not a PDF"),
    "pdf after junk": ("a.pdf", b"junk\n" + make_pdf(), "is not a PDF"),
    "broken pdf": ("a.pdf", b"%PDF-1.7\nnothing more", "broken or cut-off PDF"),
    "cut-off pdf": ("a.pdf", make_pdf()[:-200], "broken or cut-off PDF"),
    "pdf index points nowhere": (
        "a.pdf",
        b"%PDF-1.7\n" + b"1 0 obj\n" * 9 + b"startxref\n12\n%%EOF",
        "broken or cut-off PDF",
    ),
    "encrypted pdf": ("a.pdf", make_pdf(password="secret"), "protected by a password"),
    "old doc": (
        "a.docx",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
        "protected by a password or in the old .doc format",
    ),
    "zip as docx": ("a.docx", make_zip({"a.txt": b"a"}), "is a zip archive"),
    "broken docx": ("a.docx", DOCX[:60], "broken Word document"),
    "text as docx": ("a.docx", b"hello", "is not a Word document"),
    "zip bomb": (
        "a.docx",
        make_zip({"word/document.xml": b"\0" * (100 * 1024 * 1024)}),
        "zip bomb",
    ),
    "zip bomb that lies": (
        "a.docx",
        make_lying_docx(real=90 * 1024 * 1024, declared=900),
        "zip bomb",
    ),
    "zip of many entries": (
        "a.docx",
        make_zip({f"{n}": b"" for n in range(4000)}),
        "zip bomb",
    ),
    "unknown kind": ("a.exe", b"MZ", "is not a kind of file that can be read"),
    "svg": ("a.svg", b"<svg/>", "is not a kind of file that can be read"),
    "no ending": ("README", b"text", "is not a kind of file that can be read"),
    "parent folder": ("../../etc/passwd.txt", b"text", "points to another folder"),
    "parent folder, backslashes": ("..\\a.txt", b"text", "points to another folder"),
    "absolute": ("/etc/a.txt", b"text", "points to another folder"),
    "drive": ("C:\\a.txt", b"text", "points to another folder"),
    "NUL": ("a.txt\0.pdf", b"text", "invisible characters"),
    "newline": ("a\n.txt", b"text", "invisible characters"),
    "right to left": ("invoice\u202efdp.txt", b"text", "reverse its direction"),
    "isolate": ("invoice\u2066fdp.txt", b"text", "reverse its direction"),
    "long": ("a" * 300 + ".txt", b"text", "too long"),
    "only dots": ("...", b"text", "has no name"),
    "nothing": ("", b"text", "has no name"),
}


@pytest.mark.parametrize(("name", "body", "words"), BAD.values(), ids=list(BAD))
def test_inspect_upload_bad_file_is_refused_in_words(
    name: str, body: bytes, words: str
) -> None:
    started = time.process_time()

    with pytest.raises(FileRefused) as refused:
        inspect_upload(name, body, size_max=LIMIT)

    assert words in refused.value.message
    assert refused.value.message.endswith(".")
    assert time.process_time() - started < REFUSED_SECONDS_MAX


def test_inspect_upload_too_large_says_the_limit() -> None:
    with pytest.raises(FileTooLarge) as refused:
        inspect_upload("a.txt", b"x" * (50 * 1024 * 1024), size_max=LIMIT)

    assert refused.value.message == (
        "'a.txt' has 50 MB; the limit is 10 MB. Split it into smaller files."
    )


def test_inspect_upload_honest_docx_that_shrank_well_is_accepted() -> None:
    body = make_zip({"word/document.xml": zlib.crc32(b"").to_bytes(4) * 1_000_000})

    assert inspect_upload("a.docx", body, size_max=LIMIT).size == len(body)


def test_safe_name_of_a_folder_upload_keeps_the_last_part() -> None:
    assert safe_name("manuals/pump.md") == "pump.md"
