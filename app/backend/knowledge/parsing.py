"""Turns an original into text, in a process that ends when the file makes it hang or grow."""

import asyncio

import structlog
from pydantic import TypeAdapter

from app.backend.files.validation import KINDS
from app.backend.knowledge.decoding import decode_text
from app.backend.knowledge.errors import Unreadable
from app.backend.knowledge.parsed import Parsed
from app.backend.knowledge.parsers import Parsers

logger = structlog.get_logger(__name__)

SECONDS_MAX = 120.0
_PARSERS = {
    KINDS[".pdf"].media_type: "pdf",
    KINDS[".docx"].media_type: "docx",
    KINDS[".html"].media_type: "html",
}
# How a parsed text is kept.
PARSED_JSON = TypeAdapter(Parsed)


async def parse(
    parsers: Parsers, body: bytes, media_type: str, *, seconds_max: float = SECONDS_MAX
) -> Parsed:
    """Return the text of a file.

    Raises:
        Unreadable: it is broken, hostile, too complex, or holds no text.
    """
    match media_type:
        case "text/markdown":
            parsed = Parsed(text=decode_text(body), is_markdown=True)
        case "text/plain":
            parsed = Parsed(text=decode_text(body))
        case _:
            parsed = await _parse_apart(parsers, body, media_type, seconds_max)
    if not parsed.text.strip():
        raise Unreadable(
            "The document holds no text; perhaps it is a scan. Run text recognition (OCR) on it and upload the result."
        )
    return parsed


async def _parse_apart(
    parsers: Parsers, body: bytes, media_type: str, seconds_max: float
) -> Parsed:
    try:
        async with asyncio.timeout(seconds_max):
            answer = await parsers.read(_PARSERS[media_type], body)
    except TimeoutError:
        message = f"Reading the document took longer than {seconds_max:g} seconds, so it was given up. Save it in a simpler form, such as plain text, and upload that."
        raise Unreadable(message) from None
    if answer is not None and answer.refusal:
        raise Unreadable(answer.refusal)
    if answer is None or answer.parsed is None:
        logger.warning("parser_failed", media_type=media_type)
        raise Unreadable(
            "The document is broken or too complex to read. Open it in its program, save it again, and upload the new file."
        )
    return answer.parsed
