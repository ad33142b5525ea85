"""When the events of a process are written."""

from itertools import pairwise

import pytest

from app.backend.runs import event_log


def test_processes_do_not_write_at_the_same_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_log.clock, "monotonic", lambda: 1000.0)
    waits: list[float] = []
    for pid in range(20):
        monkeypatch.setattr(event_log.os, "getpid", lambda pid=pid: pid)
        waits.append(event_log._until_window(0.0))  # pyright: ignore[reportPrivateUsage]

    assert all(0 < wait <= event_log.WINDOW_SECONDS for wait in waits)
    ordered = sorted(waits)
    gaps = [after - before for before, after in pairwise(ordered)]
    assert min(gaps) > event_log.WINDOW_SECONDS / 60
