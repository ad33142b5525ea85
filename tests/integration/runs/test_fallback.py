"""When a model's service is away, the installation's fallback answers, or the run says what to do."""

import asyncio
from typing import Any

import pytest
from pydantic import SecretStr

from app.backend import bootstrap
from app.backend.agents.schemas import AgentKind
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.core.settings import Settings
from app.backend.models import patience
from app.backend.providers import breaker
from app.backend.runs import executor
from app.backend.runs.schemas import RunView
from tests.factories.rows import MakeAgent
from tests.fakes.knowledge import FakeEmbedder
from tests.parts import free_port
from tests.runs import Runs

AWAY = "openai/any"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses without length."""
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.0)


@pytest.fixture
def away(settings: Settings) -> Settings:
    """An installation whose OpenAI-compatible service is not there."""
    url = f"http://127.0.0.1:{free_port()}/v1"
    key = SecretStr("k")
    return settings.model_copy(update={"openai_base_url": url, "openai_api_key": key})


async def _run(
    settings: Settings, actor: Actor, agent: Any, *, times: int = 1
) -> tuple[RunView, list[Any]]:
    async with bootstrap.build(settings, local_embedder=FakeEmbedder()) as services:
        runs = Runs(services, actor)
        started = [(await runs.start(agent.id)).id for _ in range(times)]
        for run_id in started:
            await executor.execute_run(
                services, run_id, worker="here", shutdown=asyncio.Event()
            )
        return await runs.get(started[-1]), await runs.events(started[-1])


async def test_fallback_answers_and_the_log_says_so(
    away: Settings, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, model=AWAY)
    changed = away.model_copy(update={"fallback_model": "scripted/hello"})
    run, events = await _run(changed, actor, agent)

    assert run.status == RunStatus.COMPLETED, run.error
    assert run.output is not None
    assert "I am a script" in run.output.answer
    (said,) = [one.payload for one in events if one.type == "fallback_asked"]
    assert (said["model"], said["instead_of"]) == ("scripted/hello", AWAY)
    used = [one.payload for one in events if one.type == "usage_recorded"]
    assert [(one["model"], one["outcome"]) for one in used] == [
        (AWAY, "failed"),
        ("scripted/hello", "completed"),
    ]
    assert used[0]["tokens_in"] == 0


async def test_log_names_the_model_that_is_waited_for(
    away: Settings, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, model=AWAY)
    fallback = 'scripted/{"queue_positions": [2], "error": "unavailable"}'
    changed = away.model_copy(update={"fallback_model": fallback})
    _, events = await _run(changed, actor, agent)

    retried = [one.payload["what"] for one in events if one.type == "retry_scheduled"]
    waited = [one.payload["part"] for one in events if one.type == "queue_position"]
    tries = patience.ASKED_MAX
    assert retried == [AWAY] * (tries - 1) + [fallback] * (tries - 1)
    assert waited == [fallback] * tries


async def test_without_a_fallback_the_run_fails_in_words(
    away: Settings, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, model=AWAY)
    run, _ = await _run(away, actor, agent)

    assert run.status == RunStatus.FAILED
    assert "does not answer" in run.error


async def test_fallback_that_cannot_do_it_leaves_the_first_failure(
    away: Settings, actor: Actor, make_agent: MakeAgent
) -> None:
    values: dict[str, Any] = {"kind": AgentKind.TOOLS, "tools": ["now"]}
    agent = await make_agent(actor, model=AWAY, **values)
    changed = away.model_copy(update={"fallback_model": "local/smollm2-135m"})
    run, events = await _run(changed, actor, agent)

    assert run.status == RunStatus.FAILED
    assert "does not answer" in run.error
    warnings = [one.payload for one in events if one.payload.get("level") == "warning"]
    assert "cannot choose tools" in warnings[-1]["message"]


async def test_service_that_keeps_failing_is_not_asked_again_at_once(
    away: Settings, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, model=AWAY)
    run, events = await _run(away, actor, agent, times=breaker.FAILURES_MAX + 1)

    assert run.status == RunStatus.FAILED
    assert "is left alone for" in run.error
    assert "retry_scheduled" not in {one.type for one in events}


async def test_model_that_is_not_there_is_answered_by_the_default(
    settings: Settings, actor: Actor, make_agent: MakeAgent
) -> None:
    agent = await make_agent(actor, model="gone/gpt-9")
    changed = settings.model_copy(update={"default_model": "scripted/hello"})

    run, events = await _run(changed, actor, agent)

    assert run.status == RunStatus.COMPLETED, run.error
    (said,) = [one.payload for one in events if one.type == "fallback_asked"]
    assert "no provider 'gone'" in said["reason"]
    assert said["model"] == "scripted/hello"
    (used,) = [one.payload for one in events if one.type == "usage_recorded"]
    assert used["model"] == "scripted/hello"
