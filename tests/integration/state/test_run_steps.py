"""The tab State on real services: what it shows of a step, and how it asks for a fork."""

from typing import Any

from app.backend.agents.saved_steps import LinkedSaver
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.run_context import SavedStep
from app.backend.core.run_events import RunStatus
from app.backend.runs import engine_repository
from app.backend.runs.tables import RunRow
from app.routes import run_path
from app.state.run_steps import RunStepsState
from tests.factories.rows import RowFactory
from tests.states import make_state


async def _add_steps(services: Services, run: RunRow) -> None:
    """Store two steps as a worker does: the question, then a passage and a caveat."""
    steps: list[SavedStep] = []
    saver = LinkedSaver(await services.checkpoints.open(), steps.append)
    place: Any = {"thread_id": f"{run.id}:1", "checkpoint_ns": ""}
    values: dict[str, Any] = {
        "query": "What?",
        "caveat": "Unread.",
        "branch:to:a": None,
    }
    for number, more in enumerate(({}, {"caveat": "", "passages": [{"text": "So."}]})):
        values |= more
        checkpoint: Any = {
            "v": 4,
            "id": f"{number}",
            "ts": "",
            "channel_values": dict(values),
            "channel_versions": dict.fromkeys(values, f"{number}"),
            "versions_seen": {"retrieve": {"x": "1"}} if number else {},
        }
        await saver.aput(
            {"configurable": place},
            checkpoint,
            {"step": number},
            checkpoint["channel_versions"],
        )
    async with services.db.transaction() as session:
        await engine_repository.add_steps(
            session, steps, run_id=run.id, owner_id=run.owner_id, epoch=1
        )


async def test_step_is_shown_with_its_differences_and_forked(
    services: Services, rows: RowFactory, actor: Actor, cookie: str
) -> None:
    agent = await rows.agent(actor)
    run = await rows.run(actor, agent=agent, status=RunStatus.FAILED, epoch=1)
    await _add_steps(services, run)
    state = make_state(RunStepsState, path=run_path(run.id), cookie=cookie)

    await RunStepsState.load.fn(state)

    assert [(line.step, line.name, line.next) for line in state.steps] == [
        (0, "input", "a"),
        (1, "retrieve", "a"),
    ]
    assert state.open_step == 1
    assert [(line.path, line.text, line.mark) for line in state.values] == [
        ("query", "What?", ""),
        ("caveat", '""', "changed"),
        ("passages", "", ""),
        ("passages.0", "", ""),
        ("passages.0.text", "So.", "added"),
    ]
    await RunStepsState.open.fn(state, 7)
    assert state.problem.startswith("There is no step '7'")

    await RunStepsState.ask_fork.fn(state, 1)
    assert state.query == "What is this?"
    assert state.may_instruct
    await RunStepsState.fork.fn(state, {"query": " ", "instructions": ""})
    assert "query" in state.errors
    answer = await RunStepsState.fork.fn(
        state, {"query": "Who?", "instructions": "Be kind."}
    )
    assert "/runs/" in str(answer)
    assert state.forked is None
