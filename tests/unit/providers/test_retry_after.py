"""When a service may be asked again, in the two ways that HTTP has of saying so."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.backend.core import clock
from app.backend.providers.retry_after import parse

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stands still."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        ("Sunday, 29-Nov-26 12:01:00 GMT", 60),
        ("Sun, 29 Nov 2026 11:00:00 GMT", 0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
    ],
)
def test_seconds_and_dates_are_understood(header: str, seconds: int | None) -> None:
    assert parse(header) == seconds
