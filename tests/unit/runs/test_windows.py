"""When the events of a process are written."""

from itertools import pairwise

import pytest

from app.backend.runs import event_log

WINDOW = event_log.WINDOW_SECONDS


def test_processes_do_not_write_at_the_same_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_log.clock, "monotonic", lambda: 1000.0)
    waits: list[float] = []
    for pid in range(20):
        monkeypatch.setattr(event_log.os, "getpid", lambda pid=pid: pid)
        waits.append(event_log._until_window(0.0, WINDOW))  # pyright: ignore[reportPrivateUsage]

    assert all(0 < wait <= WINDOW for wait in waits)
    ordered = sorted(waits)
    gaps = [after - before for before, after in pairwise(ordered)]
    assert min(gaps) > WINDOW / 60


@pytest.mark.parametrize(
    ("words", "windows", "after"), [(3, 1, 1), (4, 1, 2), (6, 2, 1), (7, 2, 2)]
)
def test_quick_model_gets_two_windows(words: int, windows: int, after: int) -> None:
    found = event_log._windows_after(words, windows)  # pyright: ignore[reportPrivateUsage]

    assert found == after


def test_two_windows_end_where_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    for now in (1000.0, 1000.009, 1000.018, 1000.031):
        monkeypatch.setattr(event_log.clock, "monotonic", lambda now=now: now)

        one, two = (
            event_log._until_window(0.0, windows * WINDOW)  # pyright: ignore[reportPrivateUsage]
            for windows in (1, 2)
        )

        assert two == pytest.approx(one) or two == pytest.approx(one + WINDOW)
