"""A run that makes the same call again and again waits and asks."""

from typing import Any

import pytest

from app.backend.core.run_events import RunStatus
from tests.integration.tools.conftest import Desk

READ = ("notes_read", {"name": "a"})


@pytest.fixture
def patient(desk: Desk) -> Desk:
    """Agents that may make the same call twice."""
    changed = {"run_repeats_max": 3}
    settings = desk.services.settings.model_copy(update=changed)
    object.__setattr__(desk.services, "settings", settings)
    return desk


async def _called(desk: Desk, run_id: Any) -> int:
    events = await desk.runs.events(run_id)
    return [event.type for event in events].count("tool_called")


async def test_third_same_call_asks_and_goes_on_until_the_sixth(patient: Desk) -> None:
    run = await patient.run(READ, ("notes_read", {"name": "b"}), READ, [READ] * 5)

    question = run.question
    assert (run.status, question and question.kind) == (
        RunStatus.WAITING,
        "tool_repeated",
    )
    assert question is not None
    assert "call notes_read with the same arguments for the 3rd time" in question.text
    assert question.evidence["arguments"] == {"name": "a"}
    assert len(await patient.returned(run.id)) == 3

    await patient.answer(run.id, choice="go_on")
    run = await patient.work(run.id)

    assert run.status == RunStatus.WAITING
    assert run.question is not None
    assert "for the 6th time" in run.question.text
    assert len(await patient.returned(run.id)) == 6
    assert await _called(patient, run.id) == 7

    stopped = await patient.answer(run.id, choice="stop")
    assert stopped.status == RunStatus.STOPPED


async def test_other_arguments_are_another_call(patient: Desk) -> None:
    calls = [("notes_read", {"name": str(n)}) for n in range(6)]

    run = await patient.run(*calls, "Done.")

    assert run.status == RunStatus.COMPLETED, run.error
