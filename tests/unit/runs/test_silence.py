"""For how long workers were silent, whatever the clocks of their machines say."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.backend.core import clock
from app.backend.runs.silence import LOOK_SECONDS_MAX, Lease, Silence

LEASE = Lease(UUID(int=1), 1, datetime(2026, 1, 1, tzinfo=UTC))


class Time:
    """A clock that moves when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(clock, "monotonic", lambda: self.now)

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The clock of this test."""
    return Time(monkeypatch)


def test_silence_lasts_since_the_first_look(time: Time) -> None:
    silence = Silence()
    silence.look([LEASE])
    time.pass_by(2)
    silence.look([LEASE])
    time.pass_by(1.5)

    assert silence.look([LEASE]) == {LEASE: 3.5}


def test_renewed_lease_is_not_silent_even_if_it_is_long_over(time: Time) -> None:
    silence = Silence()
    silence.look([LEASE])
    time.pass_by(4)
    renewed = replace(LEASE, until=LEASE.until + timedelta(seconds=2))

    assert silence.look([renewed]) == {renewed: 0}


def test_who_has_slept_begins_to_listen_anew(time: Time) -> None:
    silence = Silence()
    silence.look([LEASE])
    time.pass_by(LOOK_SECONDS_MAX + 1)

    assert silence.look([LEASE]) == {LEASE: 0}
