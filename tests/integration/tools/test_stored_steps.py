"""What is stored of an agent with tools: no step stores again what the steps before it did."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from app.backend.agents.places import place_in
from app.backend.core.run_events import RunStatus
from app.backend.runs import engine_repository
from app.backend.runs.engine_repository import SavedStep
from app.backend.runs.retention import Retention
from app.backend.runs.tables import RunRow
from tests.integration.tools.conftest import Desk

STEPS = 200
STORED_MAX = 1_000_000


async def test_a_long_run_stores_each_word_once(desk: Desk) -> None:
    limits = {"run_steps_max": STEPS, "run_tokens_max": 10_000_000}
    settings = desk.services.settings.model_copy(update=limits)
    services = replace(desk.services, settings=settings)
    desk = replace(desk, services=services)
    retention = Retention(services.db, services.checkpoints, settings)
    before = (await retention.measure()).bytes

    # Each turn of the model is about 500 bytes, and its tool answers.
    run = await desk.run(
        *[("notes_put", {"name": "n", "text": f"{n:03}" * 160}) for n in range(100)],
        "Done.",
        steps_max=STEPS,
        tokens_max=limits["run_tokens_max"],
    )

    assert run.status == RunStatus.COMPLETED, run.error
    assert len(await desk.returned(run.id)) == STEPS // 2
    assert (await retention.measure()).bytes - before <= STORED_MAX


async def test_run_that_began_before_lists_only_grew_goes_on(desk: Desk) -> None:
    run_id = await desk.start(("now", {}), ("now", {}), "Then it was {told}.")
    await _store_step_of_before(desk, run_id)

    run = await desk.work(run_id)

    assert run.status == RunStatus.COMPLETED, run.error
    # The model's first turn and its result were stored; it went on with its second.
    assert [one["tool_call_id"] for one in await desk.returned(run_id)] == ["call_2_1"]
    assert run.output is not None
    assert run.output.answer.startswith("Then it was ")


async def _store_step_of_before(desk: Desk, run_id: UUID) -> None:
    """Store a step as it was when each stored the whole list of what had been said."""
    place, checkpoint = await _write_checkpoint(desk, run_id)
    step = SavedStep(
        place["configurable"]["thread_id"], checkpoint["id"], 2, next_node="think"
    )
    async with desk.services.db.transaction() as session:
        row = await session.get(RunRow, run_id)
        assert row is not None
        row.epoch = 1
        session.add(row)
        await engine_repository.add_steps(
            session,
            [step],
            run_id=run_id,
            owner_id=row.owner_id,
            epoch=1,
            thread_id=row.thread_id,
        )


async def _write_checkpoint(desk: Desk, run_id: UUID) -> tuple[Any, Any]:
    saver = await desk.services.checkpoints.open()
    call = {"id": "call_1_1", "name": "now", "args": {}}
    values = {
        "query": "What is this?",
        "said": [
            {"role": "model", "text": "", "calls": [call]},
            {"role": "tool", "id": "call_1_1", "text": "Noon", "is_error": False},
        ],
        "pending": [],
        "passages": [],
        "step": 1,
        "answer": "",
        "branch:to:think": None,
    }
    versions: Any = {name: saver.get_next_version(None, None) for name in values}
    thread = engine_repository.saver_thread(run_id, 1)
    place = place_in(thread)
    checkpoint: Any = {
        "v": 4,
        "id": "1efffffe-0000-6000-8000-000000000000",
        "ts": "2026-01-01T00:00:00+00:00",
        "channel_values": values,
        "channel_versions": versions,
        "versions_seen": {"__input__": {}, "__start__": {}},
        "updated_channels": ["branch:to:think"],
    }
    metadata: Any = {"source": "loop", "step": 2, "parents": {}}
    await saver.aput(place, checkpoint, metadata, versions)
    return place, checkpoint
