"""A run from its start to its end, in a real worker."""

from pathlib import Path

import pytest

from app.backend.agents import service as agents
from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.core.settings import Settings
from app.backend.runs.schemas import RunView
from app.backend.threads import service as threads
from tests.factories.rows import MakeAgent
from tests.processes import Fork, ForkServer
from tests.runs import Runs, assert_log_is_whole

pytestmark = pytest.mark.usefixtures("worker")


def _is_generating(run: RunView) -> bool:
    return run.last_seq > 8


async def test_run_answers_and_its_log_is_whole(
    runs: Runs, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, model="scripted/hello")
    started = await runs.start(agent.id)

    run = await runs.wait(started.id)

    events = await runs.events(run.id)
    assert run.status == RunStatus.COMPLETED, run.error
    assert run.output is not None
    assert run.output.answer == "Hello! I am a script, not a language model."
    assert await runs.answer(run.id) == run.output.answer
    assert run.tokens_in > 0
    assert run.tokens_out > 0
    assert run.started_at is not None
    assert run.completed_at is not None
    assert_log_is_whole(events)
    types = [event.type for event in events]
    assert types[:2] == ["run_queued", "run_started"]
    assert {"step", "usage_recorded", "message_completed"} < set(types)
    stages = [
        event.payload["stage"] for event in events if event.type == "stage_changed"
    ]
    assert stages == [
        "started",
        "initializing",
        "retrieving",
        "generating",
        "completed",
    ]


async def test_what_a_database_cannot_keep_is_shown_as_such(
    runs: Runs, actor: Actor, make_agent: MakeAgent
) -> None:
    model = 'scripted/{"text": "one \\u0000 two", "reasoning": "a \\u0000 b"}'
    agent = await make_agent(actor, model=model)

    run = await runs.wait((await runs.start(agent.id)).id)

    assert run.status == RunStatus.COMPLETED, run.error
    assert run.output is not None
    assert run.output.answer == "one \ufffd two"
    assert await runs.answer(run.id) == run.output.answer


async def test_completed_run_keeps_its_steps(
    runs: Runs,
    actor: Actor,
    make_agent: MakeAgent,
    services: Services,
    settings: Settings,
) -> None:
    agent = await make_agent(actor, model="scripted/hello")

    run = await runs.wait((await runs.start(agent.id)).id)

    saver = await services.checkpoints.open()
    assert run.status == RunStatus.COMPLETED
    assert [item.metadata.get("step") async for item in saver.alist(None)] == [
        *(3, 2, 1, 0, -1),
    ]
    assert settings.database_url or (settings.data_dir / "checkpoints.db").is_file()


async def test_stop_while_the_model_speaks_keeps_the_text(
    runs: Runs, actor: Actor, make_agent: MakeAgent, services: Services
) -> None:
    agent = await make_agent(actor, model="scripted/rate-40")
    started = await runs.start(agent.id)
    await runs.wait(started.id, _is_generating)

    pressed = clock.monotonic()
    await runs.stop(started.id)
    run = await runs.wait(started.id)

    events = await runs.events(run.id)
    assert clock.monotonic() - pressed < 1.0
    assert run.status == RunStatus.STOPPED
    assert run.output is not None
    assert run.output.answer == events[-1].payload["text"]
    assert run.output.answer == await runs.answer(run.id)
    assert run.output.answer.startswith("word1 ")
    assert_log_is_whole(events)
    assert run.thread_id is not None
    async with services.db.read() as session:
        messages = await threads.list_messages(session, actor, thread_id=run.thread_id)
    assert [message.content for message in messages] == [
        "What is this?",
        run.output.answer,
    ]


async def test_stop_twice_and_after_the_end_does_no_harm(
    runs: Runs, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, model="scripted/rate-40")
    started = await runs.start(agent.id)
    await runs.wait(started.id, _is_generating)

    await runs.stop(started.id)
    await runs.stop(started.id)
    run = await runs.wait(started.id)

    assert (await runs.stop(started.id)).status == RunStatus.STOPPED
    assert await runs.get(run.id) == run


async def test_stop_before_the_first_token_ends_without_text(
    runs: Runs, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(
        actor, model='scripted/{"text": "Late.", "first_token_seconds": 60}'
    )
    started = await runs.start(agent.id)
    await runs.wait_for_event(started.id, "message_started")

    pressed = clock.monotonic()
    await runs.stop(started.id)
    run = await runs.wait(started.id)

    assert clock.monotonic() - pressed < 1.0
    assert (run.status, run.output) == (RunStatus.STOPPED, None)


async def test_follow_up_knows_what_was_said(
    runs: Runs, actor: Actor, make_agent: MakeAgent, services: Services
) -> None:
    agent = await make_agent(actor, model="scripted/echo", instructions="Be brief.")
    first = await runs.wait((await runs.start(agent.id, "What is fNIRS?")).id)

    second = await runs.start(agent.id, "And why?", thread_id=first.thread_id)
    second = await runs.wait(second.id)

    assert second.thread_id == first.thread_id
    assert second.tokens_in > first.tokens_in + 3
    assert second.thread_id is not None
    async with services.db.read() as session:
        messages = await threads.list_messages(
            session, actor, thread_id=second.thread_id
        )
    assert [(item.sequence, item.role, item.content) for item in messages] == [
        (1, "user", "What is fNIRS?"),
        (2, "assistant", "What is fNIRS?"),
        (3, "user", "And why?"),
        (4, "assistant", "And why?"),
    ]


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("error", "SERVICE_UNAVAILABLE"),
        ("overflow", "context_length_exceeded"),
        ("busy", "TOO_MANY_REQUESTS"),
        ("cut", "SERVICE_UNAVAILABLE"),
        ("nothing-like-it", "VALIDATION_FAILED"),
    ],
)
async def test_run_whose_model_fails_says_why(
    runs: Runs, actor: Actor, make_agent: MakeAgent, script: str, code: str
) -> None:
    agent = await make_agent(actor, model=f"scripted/{script}")

    run = await runs.wait((await runs.start(agent.id)).id)

    end = (await runs.events(run.id))[-1]
    assert run.status == RunStatus.FAILED
    assert run.error.endswith(".")
    assert (end.payload["code"], end.payload["error"]) == (code, run.error)


async def test_run_of_an_agent_deleted_meanwhile_fails_and_stays(
    runs: Runs,
    actor: Actor,
    make_agent: MakeAgent,
    services: Services,
    worker: Fork,
    settings: Settings,
    fork_server: ForkServer,
) -> None:
    worker.stop()
    agent = await make_agent(actor, model="scripted/hello", name="Gone")
    started = await runs.start(agent.id)
    async with services.db.transaction() as session:
        await agents.delete_agent(session, actor, agent_id=agent.id)
    again = fork_server.start("app.workers.worker", settings)

    run = await runs.wait(started.id)

    again.stop()
    assert run.status == RunStatus.FAILED
    assert "'Gone' was deleted" in run.error
    assert (run.agent_id, run.agent_name) == (None, "Gone")
    assert_log_is_whole(await runs.events(run.id))


async def test_two_runs_at_once_do_not_mix(
    runs: Runs,
    actor: Actor,
    make_agent: MakeAgent,
    settings: Settings,
    fork_server: ForkServer,
) -> None:
    second_worker = fork_server.start("app.workers.worker", settings)
    agent = await make_agent(actor, model="scripted/echo")
    started = [await runs.start(agent.id, f"Question {n}?") for n in range(6)]

    ended = [await runs.wait(run.id) for run in started]

    second_worker.stop()
    answers = [run.output.answer if run.output else run.error for run in ended]
    assert answers == [f"Question {n}?" for n in range(6)]
    for run in ended:
        assert_log_is_whole(await runs.events(run.id))


async def test_log_of_the_worker_is_quiet(
    runs: Runs, actor: Actor, make_agent: MakeAgent, worker: Fork
) -> None:
    agent = await make_agent(actor, model="scripted/hello")

    await runs.wait((await runs.start(agent.id)).id)

    assert worker.read_log() == ""


async def test_run_beyond_its_time_is_timed_out(
    runs: Runs,
    actor: Actor,
    make_agent: MakeAgent,
    worker: Fork,
    settings: Settings,
    fork_server: ForkServer,
    tmp_path: Path,
) -> None:
    worker.stop()
    short = settings.model_copy(update={"run_seconds_max": 1})
    hasty = fork_server.start("app.workers.worker", short)
    agent = await make_agent(actor, model="scripted/rate-40")

    run = await runs.wait((await runs.start(agent.id)).id)

    hasty.stop()
    assert run.status == RunStatus.TIMED_OUT
    assert "1 second." in run.error
    assert_log_is_whole(await runs.events(run.id))
