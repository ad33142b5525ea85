"""Agents that run elsewhere: at our own runtime, or at a second installation's."""

import socket
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.backend import bootstrap
from app.backend.agents import service as agents
from app.backend.agents.schemas import AgentDraft, AgentView, Execution
from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.counts import ELSEWHERE
from app.backend.core.run_events import RunStatus
from app.backend.core.settings import Settings
from app.backend.identity import keys
from app.backend.runs.recovery import RunRecovery
from app.backend.secrets import service as secrets
from app.backend.secrets.schemas import SecretDraft
from tests.factories.rows import MakeAgent, RowFactory
from tests.parts import free_port
from tests.priced import add_priced
from tests.processes import Fork, ForkServer
from tests.runs import Runs, assert_log_is_whole
from tests.stack import Stack

pytestmark = pytest.mark.usefixtures("worker")


@dataclass
class Elsewhere:
    """A second installation with a runtime."""

    settings: Settings
    services: Services
    owner: Actor
    runtime: Fork
    key: str

    async def add_agent(self, model: str) -> str:
        """Add an agent there."""
        row = await RowFactory(self.services.db).agent(self.owner, model=model)
        return str(row.id)


@pytest.fixture
def other_settings(stack: Stack, tmp_path: Path) -> Iterator[Settings]:
    """Settings of the second installation."""
    with stack.make_installation(tmp_path / "elsewhere") as made:
        yield made.model_copy(update={"runtime_url": f"http://127.0.0.1:{free_port()}"})


@pytest.fixture
async def elsewhere(
    other_settings: Settings, fork_server: ForkServer
) -> AsyncGenerator[Elsewhere, None]:
    """The second installation, running."""
    runtime = fork_server.start_runtime(other_settings)
    async with bootstrap.build(other_settings) as services:
        owner = await RowFactory(services.db).user()
        async with services.db.transaction() as session:
            made = await keys.create_key(session, owner, name="remote")
        yield Elsewhere(other_settings, services, owner, runtime, made.key)
    runtime.stop()


async def _add_remote(services: Services, actor: Actor, **fields: str) -> AgentView:
    draft = AgentDraft(
        name="Far away",
        execution=Execution.REMOTE,
        model="scripted/error",
        **fields,  # pyright: ignore[reportArgumentType] - the fields are the test's
    )
    async with services.db.transaction() as session:
        return await agents.create_agent(
            session,
            actor,
            draft=draft,
            keyring=services.keyring,
            default_model=services.settings.default_model,
            tools=services.tools,
        )


async def test_second_installation_answers_and_its_events_come_live(
    services: Services, actor: Actor, elsewhere: Elsewhere, runs: Runs
) -> None:
    agent = await _add_remote(
        services,
        actor,
        remote_url=elsewhere.settings.runtime_url,
        remote_agent_id=await elsewhere.add_agent("scripted/rate-40"),
        remote_key=elsewhere.key,
    )
    started = await runs.start(agent.id)

    await runs.wait_for_event(started.id, "message_delta")
    speaking = await runs.get(started.id)
    run = await runs.wait(started.id)

    events = await runs.events(run.id)
    assert speaking.status == RunStatus.RUNNING
    assert run.status == RunStatus.COMPLETED, run.error
    assert run.output is not None
    assert run.output.answer.startswith("word1 word2")
    assert await runs.answer(run.id) == run.output.answer
    assert run.tokens_out == 400
    # What was paid there counts on no budget here.
    used = [one.payload for one in events if one.type == "usage_recorded"]
    assert [(one["cost_micros"], one["price"]) for one in used] == [(None, ELSEWHERE)]
    assert_log_is_whole(events)
    stages = [e.payload["stage"] for e in events if e.type == "stage_changed"]
    assert stages[0] == "started"
    assert stages[-1] == "completed"


async def test_call_over_there_whose_worker_was_killed_here_is_paid_there(
    services: Services,
    actor: Actor,
    elsewhere: Elsewhere,
    runs: Runs,
    worker: Fork,
    fork_server: ForkServer,
) -> None:
    worker.stop()
    slow = '{"tokens": 1000, "tokens_per_second": 1}'
    (model,) = await add_priced(elsewhere.services, elsewhere.owner, slow)
    agent = await _add_remote(
        services,
        actor,
        remote_url=elsewhere.settings.runtime_url,
        remote_agent_id=await elsewhere.add_agent(model),
        remote_key=elsewhere.key,
    )
    started = await runs.start(agent.id)
    attempt = fork_server.start("tests.attempt", services.settings, str(started.id))
    await runs.wait_for_event(started.id, "message_delta")
    attempt.kill()
    await runs.stop(started.id)

    lost = RunRecovery(services.db, services.redis, services.outbox, 3)
    assert await lost.release(worker="attempt")

    run = await runs.get(started.id)
    events = await runs.events(started.id)
    said = next(one.payload for one in events if one.type == "message_started")
    assert run.status == RunStatus.STOPPED
    assert said["call"]["price"] == ELSEWHERE
    assert [one for one in events if one.type == "usage_recorded"] == []


async def test_stop_reaches_the_other_side(
    services: Services, actor: Actor, elsewhere: Elsewhere, runs: Runs
) -> None:
    agent = await _add_remote(
        services,
        actor,
        remote_url=elsewhere.settings.runtime_url,
        remote_agent_id=await elsewhere.add_agent("scripted/rate-40"),
        remote_key=elsewhere.key,
    )
    started = await runs.start(agent.id)
    await runs.wait_for_event(started.id, "message_delta")

    pressed = clock.monotonic()
    await runs.stop(started.id)
    run = await runs.wait(started.id)

    assert clock.monotonic() - pressed < 1.0
    assert run.status == RunStatus.STOPPED
    assert run.output is not None
    assert run.output.answer.startswith("word1 ")


async def test_other_side_that_dies_ends_the_run_with_the_reason(
    services: Services, actor: Actor, elsewhere: Elsewhere, runs: Runs
) -> None:
    agent = await _add_remote(
        services,
        actor,
        remote_url=elsewhere.settings.runtime_url,
        remote_agent_id=await elsewhere.add_agent("scripted/rate-40"),
        remote_key=elsewhere.key,
    )
    started = await runs.start(agent.id)
    await runs.wait_for_event(started.id, "message_delta")

    elsewhere.runtime.kill()
    run = await runs.wait(started.id)
    again = await runs.wait((await runs.start(agent.id)).id)

    assert run.status == again.status == RunStatus.FAILED
    assert "broke off" in run.error
    assert "cannot be reached" in again.error
    assert_log_is_whole(await runs.events(run.id))


@pytest.mark.parametrize(
    ("is_key_right", "is_agent_there", "says"),
    [(False, True, "does not accept the agent's key"), (True, False, "refuses")],
    ids=["wrong key", "unknown agent"],
)
async def test_other_side_that_refuses_is_told_apart(
    services: Services,
    actor: Actor,
    elsewhere: Elsewhere,
    runs: Runs,
    is_key_right: bool,
    is_agent_there: bool,
    says: str,
) -> None:
    there = await elsewhere.add_agent("scripted/hello")
    agent = await _add_remote(
        services,
        actor,
        remote_url=elsewhere.settings.runtime_url,
        remote_agent_id=there if is_agent_there else str(elsewhere.owner.user_id),
        remote_key=elsewhere.key if is_key_right else "wrong",
    )

    run = await runs.wait((await runs.start(agent.id)).id)

    assert run.status == RunStatus.FAILED
    assert says in run.error


async def test_agent_that_has_no_id_over_there_says_so(
    services: Services, actor: Actor, make_agent: MakeAgent, runs: Runs
) -> None:
    agent = await make_agent(
        actor,
        execution=Execution.REMOTE,
        remote_url="https://far.example",
        remote_agent_id="my agent",
    )

    run = await runs.wait((await runs.start(agent.id)).id)

    end = (await runs.events(run.id))[-1]
    assert end.payload["code"] == "REMOTE_REFUSED"
    assert "'my agent' is no id of an agent" in run.error


async def test_failure_over_there_is_the_reason_here(
    services: Services, actor: Actor, elsewhere: Elsewhere, runs: Runs
) -> None:
    agent = await _add_remote(
        services,
        actor,
        remote_url=elsewhere.settings.runtime_url,
        remote_agent_id=await elsewhere.add_agent("scripted/overflow"),
        remote_key=elsewhere.key,
    )

    run = await runs.wait((await runs.start(agent.id)).id)

    end = (await runs.events(run.id))[-1]
    assert run.status == RunStatus.FAILED
    assert end.payload["code"] == "context_length_exceeded"


async def test_key_may_be_a_stored_secret_that_is_named_when_it_is_gone(
    services: Services, actor: Actor, elsewhere: Elsewhere, runs: Runs
) -> None:
    draft = SecretDraft.model_validate({"name": "far", "value": elsewhere.key})
    async with services.db.transaction() as session:
        await secrets.set_secret(session, actor, draft=draft, keyring=services.keyring)
    agent = await _add_remote(
        services,
        actor,
        remote_url=elsewhere.settings.runtime_url,
        remote_agent_id=await elsewhere.add_agent("scripted/hello"),
        remote_key="db:far",
    )

    answered = await runs.wait((await runs.start(agent.id)).id)
    async with services.db.transaction() as session:
        await secrets.delete_secret(session, actor, name="far", is_forced=True)
    failed = await runs.wait((await runs.start(agent.id)).id)

    assert answered.status == RunStatus.COMPLETED, answered.error
    assert failed.status == RunStatus.FAILED
    assert "db:far" in failed.error
    assert "settings" in failed.error


async def test_own_network_is_for_administrators_agents(
    services: Services, other_actor: Actor
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.setblocking(False)
        agent = await _add_remote(
            services,
            other_actor,
            remote_url=f"http://localhost:{inside.getsockname()[1]}",
            remote_agent_id=str(other_actor.user_id),
            remote_key="any",
        )
        theirs = Runs(services, other_actor)
        run = await theirs.wait((await theirs.start(agent.id)).id)
        with pytest.raises(BlockingIOError):
            inside.accept()

    assert run.status == RunStatus.FAILED
    assert "private network" in run.error


async def test_own_runtime_runs_the_agent_for_its_owner(
    services: Services,
    actor: Actor,
    settings: Settings,
    fork_server: ForkServer,
    worker: Fork,
    runs: Runs,
) -> None:
    worker.stop()
    placed = settings.model_copy(
        update={"runtime_url": f"http://127.0.0.1:{free_port()}"}
    )
    runtime = fork_server.start_runtime(placed)
    near = fork_server.start("app.workers.worker", placed)
    agent = await _add_remote(services, actor)
    async with services.db.transaction() as session:
        draft = AgentDraft(
            name="Near", execution=Execution.REMOTE, model="scripted/hello"
        )
        await agents.update_agent(
            session,
            actor,
            agent_id=agent.id,
            draft=draft,
            keyring=services.keyring,
            default_model="",
            tools=services.tools,
        )

    run = await runs.wait((await runs.start(agent.id)).id)

    near.stop()
    runtime.stop()
    assert run.status == RunStatus.COMPLETED, run.error
    assert run.output is not None
    assert run.output.answer.startswith("Hello!")
    assert_log_is_whole(await runs.events(run.id))
