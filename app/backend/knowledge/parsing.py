"""Turns an original into text, in a process that is killed when the file makes it hang or grow."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import structlog
from pydantic import TypeAdapter

import app
from app.backend.files.validation import KINDS
from app.backend.knowledge.decoding import decode_text
from app.backend.knowledge.errors import Unreadable
from app.backend.knowledge.parsed import Parsed
from app.backend.knowledge.parser_process import EXIT_UNREADABLE

logger = structlog.get_logger(__name__)

SECONDS_MAX = 120.0
_PARSERS = {
    KINDS[".pdf"].media_type: "pdf",
    KINDS[".docx"].media_type: "docx",
    KINDS[".html"].media_type: "html",
}
# How a parsed text is kept, and how it comes from the process that may have read a hostile file.
PARSED_JSON = TypeAdapter(Parsed)
_ROOT = Path(app.__file__).parent.parent


async def parse(
    body: bytes, media_type: str, *, seconds_max: float = SECONDS_MAX
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
            parsed = await _parse_apart(body, media_type, seconds_max)
    if not parsed.text.strip():
        raise Unreadable(
            "The document holds no text; perhaps it is a scan. Run text recognition (OCR) on it and upload the result."
        )
    return parsed


async def _parse_apart(body: bytes, media_type: str, seconds_max: float) -> Parsed:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app.backend.knowledge.parser_main",
        _PARSERS[media_type],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(_ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LANG": "C.UTF-8",
        },
    )
    try:
        async with asyncio.timeout(seconds_max):
            out, err = await process.communicate(body)
    except TimeoutError:
        message = f"Reading the document took longer than {seconds_max:g} seconds, so it was given up. Save it in a simpler form, such as plain text, and upload that."
        raise Unreadable(message) from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if process.returncode == 0:
        return PARSED_JSON.validate_json(out)
    if process.returncode == EXIT_UNREADABLE:
        raise Unreadable(err.decode(errors="replace"))
    logger.warning(
        "parser_failed",
        media_type=media_type,
        exit_code=process.returncode,
        error=err.decode(errors="replace")[-500:],
    )
    raise Unreadable(
        "The document is broken or too complex to read. Open it in its program, save it again, and upload the new file."
    )
