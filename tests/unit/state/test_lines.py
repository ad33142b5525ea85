"""What lists show."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from app.backend.knowledge.schemas import DocumentStatus, DocumentView
from app.state.lines import document_line, shown_status, size_words
from app.state.settings import device_of


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (2048, "2.0 KB"),
        (10 * 1024**2, "10 MB"),
        (5 * 1024**4, "5.0 TB"),
    ],
)
def test_size_words(size: int, words: str) -> None:
    assert size_words(size) == words


def _document(**changes: Any) -> DocumentView:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    values: dict[str, Any] = {
        "id": uuid4(),
        "collection_id": uuid4(),
        "name": "a.md",
        "media_type": "text/markdown",
        "size": 10,
        "status": DocumentStatus.CHUNKED,
        "error": "",
        "pages": 1,
        "chunks_total": 10,
        "chunks_done": 5,
        "created_at": now,
        "updated_at": now,
        **changes,
    }
    return DocumentView(**values)


def test_document_line_counts_passages() -> None:
    line = document_line(_document())

    assert (line.stage, line.percent, line.progress) == (3, 60, "5 of 10 passages")
    assert not line.is_final


def test_document_line_of_a_failed_document_is_final() -> None:
    line = document_line(_document(status=DocumentStatus.FAILED, error="Encrypted."))

    assert (line.is_final, line.stage, line.error) == (True, 0, "Encrypted.")


def test_device_of_names_browser_and_system() -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"

    assert device_of(agent) == "Chrome on Linux"
    assert device_of("") == "Unknown device"


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("OVER_BUDGET", "over_budget"),
        ("OUT_OF_TIME", "out_of_time"),
        ("RUN_LIMIT", "timed_out"),
        # Of a run that ended before limits had codes.
        ("", "timed_out"),
    ],
)
def test_status_says_which_limit_ended_a_run(code: str, shown: str) -> None:
    assert shown_status("timed_out", None, code) == shown
