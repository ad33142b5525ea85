"""Looks into a PDF, as far as it takes to tell whether it can be read."""

from io import BytesIO

from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError
from pypdf.generic import DictionaryObject

PROTECTED = "is protected by a password. Remove the password and upload it again."
BROKEN = "is a broken or cut-off PDF. Open it in a PDF viewer, save it again, and upload the new file."
_ERRORS = (
    PyPdfError,
    DependencyError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    IndexError,
    RecursionError,
)


def find_problem(body: bytes) -> str:
    """Return what is wrong with a PDF, as the end of a sentence; empty when nothing is."""
    # A reader would search the whole file for a lost index; that may take minutes, so it is not tried.
    tail = body[-2048:]
    position = tail.rfind(b"startxref")
    offset = tail[position + 9 :].split(maxsplit=1)[:1] if position >= 0 else []
    if not offset or not offset[0].isdigit() or int(offset[0]) >= len(body):
        return BROKEN
    try:
        reader = PdfReader(BytesIO(body), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            return PROTECTED
        pages = reader.root_object.get("/Pages")
    except _ERRORS:
        return BROKEN
    is_readable = isinstance(pages and pages.get_object(), DictionaryObject)
    return "" if is_readable else BROKEN
