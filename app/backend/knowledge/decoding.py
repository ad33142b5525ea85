"""Bytes to text, whatever their encoding."""

import codecs

from charset_normalizer import from_bytes

from app.backend.knowledge.parsed import clean

_SAMPLE = 64 * 1024
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode_text(body: bytes) -> str:
    """Return text of any usual encoding; UTF-8 is tried first, guessing comes last."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return clean(body.decode(encoding, errors="replace"))
    try:
        return clean(body.decode("utf-8"))
    except UnicodeDecodeError:
        best = from_bytes(body[:_SAMPLE]).best()
        encoding = best.encoding if best is not None else "cp1252"
        return clean(body.decode(encoding, errors="replace"))
