"""Decides whether an upload is what it says it is, before anything of it is stored."""

import hashlib
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from io import BytesIO
from itertools import chain
from pathlib import PurePosixPath
from typing import assert_never

import puremagic
from puremagic.main import multi_part_dict

from app.backend.files.errors import FileRefused, FileTooLarge
from app.backend.files.schemas import Upload

NAME_BYTES_MAX = 200
UNPACKED_BYTES_MAX = 48 * 1024 * 1024
ZIP_ENTRIES_MAX = 3000
_PIECE = 1024 * 1024
_SURE = 0.6
_BIDI = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_TEXT_CONTROLS = frozenset(b"\t\n\v\f\r\x1b")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_PROTECTED = "is protected by a password. Remove the password and upload it again."
_BOMB = "unpacks to far more than its size, as a zip bomb does. Upload a normal Word document."


class Family(StrEnum):
    """How a file is checked and read."""

    PDF = "pdf"
    DOCX = "docx"
    TEXT = "text"


@dataclass(frozen=True)
class Kind:
    """A kind of file that we take."""

    family: Family
    media_type: str


KINDS: dict[str, Kind] = {
    ".pdf": Kind(Family.PDF, "application/pdf"),
    ".docx": Kind(
        Family.DOCX,
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    ".html": Kind(Family.TEXT, "text/html"),
    ".htm": Kind(Family.TEXT, "text/html"),
    ".md": Kind(Family.TEXT, "text/markdown"),
    ".markdown": Kind(Family.TEXT, "text/markdown"),
    ".txt": Kind(Family.TEXT, "text/plain"),
}
ACCEPTED = "PDF, DOCX, HTML, Markdown or plain text"


def inspect_upload(name: str, body: bytes, *, size_max: int) -> Upload:
    """Return what the upload is, with a safe name.

    Raises:
        FileRefused: it is not a file that we take, or not what its name says.
    """
    safe = safe_name(name)
    kind = KINDS.get(PurePosixPath(safe).suffix.lower())
    if kind is None:
        message = f"{safe!r} is not a kind of file that can be read. Upload {ACCEPTED}."
        raise FileRefused(message)
    if len(body) > size_max:
        message = f"{safe!r} has {size_words(len(body))}; the limit is {size_words(size_max)}. Split it into smaller files."
        raise FileTooLarge(message)
    if problem := _find_problem(kind.family, body):
        message = f"{safe!r} {problem}"
        raise FileRefused(message)
    return Upload(
        name=safe,
        media_type=kind.media_type,
        size=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
    )


def safe_name(name: str) -> str:
    """Return the last part of `name`, which is safe to show and to store.

    Raises:
        FileRefused: the name leaves its folder, hides characters, or is too long.
    """
    if any(letter in _BIDI for letter in name):
        raise FileRefused(
            "The file name holds characters that reverse its direction, which hides its real ending. Rename the file."
        )
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in name):
        raise FileRefused("The file name holds invisible characters. Rename the file.")
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or name.startswith(("/", "~")) or parts[0].endswith(":"):
        message = f"The file name {name!r} points to another folder. Rename the file."
        raise FileRefused(message)
    safe = unicodedata.normalize("NFC", parts[-1]).strip()
    if not safe.strip("."):
        raise FileRefused("The file has no name. Rename the file.")
    if len(safe.encode()) > NAME_BYTES_MAX:
        message = f"The file name is too long. Use at most {NAME_BYTES_MAX} bytes."
        raise FileRefused(message)
    return safe


def size_words(size: int) -> str:
    """Return a size as people write it."""
    if size < 1024 * 1024:
        return f"{max(1, round(size / 1024))} KB"
    return f"{size / 1024 / 1024:.4g} MB"


def _find_problem(family: Family, body: bytes) -> str:
    """Return what is wrong with the content, as the end of a sentence; empty when nothing is."""
    if not body:
        return "is empty (0 bytes). Choose a file with content."
    match family:
        case Family.PDF:
            return _find_pdf_problem(body)
        case Family.DOCX:
            return _find_docx_problem(body)
        case Family.TEXT:
            return _find_text_problem(body)
        case _:
            assert_never(family)


def _find_pdf_problem(body: bytes) -> str:
    if not body.startswith(b"%PDF-"):
        return f"is not a PDF, although its name says so: it looks like {_looks_like(body)}. Upload {ACCEPTED}."
    # 9 MB of a library, for those who upload a PDF.
    from app.backend.files import pdf

    return pdf.find_problem(body)


def _find_docx_problem(body: bytes) -> str:
    if body.startswith(b"\xd0\xcf\x11\xe0"):
        return "is protected by a password or in the old .doc format. Save it as an unprotected .docx file."
    if not body.startswith(b"PK\x03\x04"):
        return f"is not a Word document, although its name says so: it looks like {_looks_like(body)}. Upload {ACCEPTED}."
    try:
        with zipfile.ZipFile(BytesIO(body)) as archive:
            return _find_zip_problem(body, archive.infolist())
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, ValueError, EOFError):
        return "is a broken Word document. Open it in a word processor, save it again, and upload the new file."


def _find_zip_problem(body: bytes, entries: list[zipfile.ZipInfo]) -> str:
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > ZIP_ENTRIES_MAX or unpacked > UNPACKED_BYTES_MAX:
        return _BOMB
    if not any(entry.filename == "word/document.xml" for entry in entries):
        return (
            "is a zip archive, not a Word document. Upload the files in it one by one."
        )
    if any(entry.flag_bits & 1 for entry in entries):
        return _PROTECTED
    return "" if all(_is_honest(body, entry) for entry in entries) else _BOMB


def _is_honest(body: bytes, entry: zipfile.ZipInfo) -> bool:
    """Tell whether an entry unpacks to no more than it declares, without unpacking more than that."""
    header = body[entry.header_offset : entry.header_offset + 30]
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile
    start = entry.header_offset + 30 + int.from_bytes(header[26:28], "little")
    start += int.from_bytes(header[28:30], "little")
    packed = memoryview(body)[start : start + entry.compress_size]
    if entry.compress_type == zipfile.ZIP_STORED:
        return len(packed) == entry.file_size
    if entry.compress_type != zipfile.ZIP_DEFLATED:
        raise NotImplementedError
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    size, rest = 0, bytes(packed)
    while rest and not unpacker.eof and size <= entry.file_size:
        size += len(unpacker.decompress(rest, _PIECE))
        rest = unpacker.unconsumed_tail
    return size <= entry.file_size


def _find_text_problem(body: bytes) -> str:
    if body.startswith(_UTF16):
        return ""
    sample = body[:_PIECE]
    controls = sum(
        sample.count(code) for code in range(32) if code not in _TEXT_CONTROLS
    )
    if b"\0" in body or controls > len(sample) / 100 or _is_binary(body):
        return f"is not text, although its name says so: it looks like {_looks_like(body)}. Upload {ACCEPTED}."
    return (
        "" if body.strip() else "holds nothing but blanks. Choose a file with content."
    )


def _is_binary(body: bytes) -> bool:
    # Asking puremagic costs a millisecond, which most texts need not spend.
    return body.startswith(_binary_beginnings()) and any(
        match.confidence >= _SURE
        and not match.mime_type.startswith("text/")
        and match.offset == 0
        for match in _guesses(body)
        if match.mime_type
    )


@cache
def _binary_beginnings() -> tuple[bytes, ...]:
    """Return what the files begin with that puremagic knows and that are no text."""
    known = [*puremagic.magic_header_array, *chain(*multi_part_dict.values())]
    return tuple(
        {
            row.byte_match
            for row in known
            if row.offset == 0
            and row.mime_type
            and not row.mime_type.startswith("text/")
        }
    )


def _looks_like(body: bytes) -> str:
    if body.startswith(b"MZ"):
        return "a Windows program"
    if body.startswith(b"\x7fELF"):
        return "a Linux program"
    guesses = [match.name for match in _guesses(body) if match.name]
    return guesses[0] if guesses else "something else"


def _guesses(body: bytes) -> list[puremagic.PureMagicWithConfidence]:
    try:
        return puremagic.magic_string(body[:8192])
    except (puremagic.PureError, ValueError):
        return []
