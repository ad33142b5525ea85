"""The table of allowed changes."""

from app.backend.core.run_events import TERMINAL, RunStatus
from app.backend.runs.status import TRANSITIONS, sources_of


def test_ended_run_changes_no_more() -> None:
    assert set(TRANSITIONS) == set(RunStatus) - TERMINAL


def test_only_a_queued_or_waiting_run_can_start() -> None:
    assert set(sources_of(RunStatus.RUNNING)) == {RunStatus.QUEUED, RunStatus.WAITING}


def test_only_a_running_run_can_complete() -> None:
    assert sources_of(RunStatus.COMPLETED) == [RunStatus.RUNNING]


def test_every_run_that_goes_on_can_be_stopped_and_can_fail() -> None:
    for end in (RunStatus.STOPPED, RunStatus.FAILED):
        assert set(sources_of(end)) == set(TRANSITIONS)
