"""Chains of fallbacks, answers that break off in the middle, and keys that fail apart."""

import asyncio
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from app.backend.bootstrap import Services
from app.backend.core import clock
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.core.stored_events import RunEvent
from app.backend.models import patience
from app.backend.models import service as models
from app.backend.models.schemas import Environment, ModelDraft
from app.backend.providers import breaker
from app.backend.providers import service as providers
from app.backend.providers.schemas import ProviderDraft
from app.backend.runs import executor
from app.backend.runs.schemas import RunView
from app.backend.threads import service as threads
from tests.factories.rows import MakeAgent
from tests.faulty_service import WORDS, FaultyService, in_turn, serving_faults
from tests.runs import Runs

ANSWER = "".join(WORDS)
HALF = "".join(WORDS[:2])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses without length."""
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.0)


async def _connect(
    services: Services,
    actor: Actor,
    service: FaultyService,
    *,
    name: str = "work",
    key: str = "key-number-one",
    **fields: Any,
) -> str:
    """Connect a service with one model, and return what agents call it."""
    draft = {
        "type": "openai_compatible",
        "name": name,
        "settings": {"base_url": service.url},
        "api_key": key,
    }
    async with services.db.transaction() as session:
        provider = await providers.create_provider(
            session, actor, draft=ProviderDraft.model_validate(draft), parts=services
        )
        wanted = {"provider_id": provider.id, "name": "any", **fields}
        view = await models.add_model(
            session,
            actor,
            draft=ModelDraft.model_validate(wanted),
            environment=Environment.LAB,
        )
    return view.full_name


async def _run(
    services: Services, actor: Actor, agent: Any
) -> tuple[RunView, list[RunEvent]]:
    runs = Runs(services, actor)
    run_id = (await runs.start(agent.id)).id
    await executor.execute_run(
        services, run_id, worker="here", shutdown=asyncio.Event()
    )
    return await runs.get(run_id), await runs.events(run_id)


def _of(events: list[RunEvent], kind: str) -> list[dict[str, Any]]:
    return [event.payload for event in events if event.type == kind]


async def test_chain_of_an_agent_is_asked_in_turn_and_each_hop_is_told(
    services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    with serving_faults(in_turn("broken")) as service:
        model = await _connect(services, actor, service)
        chain = ['scripted/{"error": "unavailable"}', "gone/away", "scripted/hello"]
        agent = await make_agent(actor, model=model, fallbacks=chain)
        run, events = await _run(services, actor, agent)

    assert run.status == RunStatus.COMPLETED, run.error
    assert run.output is not None
    assert "I am a script" in run.output.answer
    hops = _of(events, "fallback_asked")
    assert [(one["model"], one["instead_of"], one["number"]) for one in hops] == [
        (chain[0], model, 1),
        (chain[2], chain[0], 3),
    ]
    assert "Out of order" in hops[0]["reason"]
    (skipped,) = [one for one in _of(events, "log") if one["level"] == "warning"]
    assert "gone/away cannot be asked" in skipped["message"]


async def test_chain_of_a_model_serves_agents_that_name_none(
    services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    with serving_faults(in_turn("broken")) as service:
        model = await _connect(services, actor, service, fallbacks=["scripted/hello"])
        plain = await make_agent(actor, model=model)
        own = await make_agent(actor, model=model, fallbacks=["scripted/echo"])
        found = [await _run(services, actor, agent) for agent in (plain, own)]

    hops = [_of(events, "fallback_asked")[0]["model"] for _, events in found]
    assert hops == ["scripted/hello", "scripted/echo"]
    assert {run.status for run, _ in found} == {RunStatus.COMPLETED}


async def test_answer_that_breaks_off_is_begun_anew_and_never_doubled(
    services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    with serving_faults(in_turn("cut", "well")) as service:
        model = await _connect(services, actor, service)
        agent = await make_agent(actor, model=model)
        run, events = await _run(services, actor, agent)

    assert run.status == RunStatus.COMPLETED, run.error
    assert run.output is not None
    assert run.output.answer == ANSWER
    ended = _of(events, "message_completed")
    assert [(one["text"], one["finish_reason"]) for one in ended] == [
        (HALF, "cut"),
        (ANSWER, "stop"),
    ]
    first, second = (one["message_id"] for one in ended)
    assert first != second
    assert [one["message_id"] for one in _of(events, "message_started")] == [
        first,
        second,
    ]
    said = {
        key: "".join(
            one["text"]
            for one in _of(events, "message_delta")
            if one["message_id"] == key
        )
        for key in (first, second)
    }
    assert said == {first: HALF, second: ANSWER}
    assert "broke off" in _of(events, "retry_scheduled")[0]["reason"]
    outcomes = [one["outcome"] for one in _of(events, "usage_recorded")]
    assert outcomes == ["failed", "completed"]
    assert run.thread_id is not None
    async with services.db.read() as session:
        kept = await threads.list_messages(session, actor, thread_id=run.thread_id)
    assert [one.content for one in kept if one.run_id == run.id][1:] == [ANSWER]


async def test_answer_that_keeps_breaking_off_is_taken_over_by_a_fallback(
    services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    with serving_faults(in_turn("cut")) as service:
        model = await _connect(services, actor, service)
        agent = await make_agent(actor, model=model, fallbacks=["scripted/hello"])
        run, events = await _run(services, actor, agent)

    assert run.output is not None
    assert HALF not in run.output.answer
    ended = _of(events, "message_completed")
    reasons = [one["finish_reason"] for one in ended]
    assert reasons == ["cut"] * patience.ASKED_MAX + ["stop"]
    assert len({one["message_id"] for one in ended}) == len(ended)


async def test_long_pause_that_a_service_asks_for_is_kept(
    services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    later = format_datetime(clock.now() + timedelta(minutes=2), usegmt=True)
    with serving_faults(in_turn("busy"), retry_after=later) as service:
        model = await _connect(services, actor, service)
        agent = await make_agent(actor, model=model)
        run, events = await _run(services, actor, agent)

    assert service.seen == ["busy"]
    assert run.status == RunStatus.FAILED
    assert _of(events, "run_failed")[0]["code"] == "TOO_MANY_REQUESTS"


async def test_two_keys_of_one_service_fail_apart(
    services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    with serving_faults(in_turn("broken")) as service:
        one = await _connect(services, actor, service, name="one", key="key-number-one")
        two = await _connect(services, actor, service, name="two", key="key-number-two")
        first = await make_agent(actor, model=one)
        second = await make_agent(actor, model=two)
        await _run(services, actor, first)
        await _run(services, actor, first)
        run, _ = await _run(services, actor, first)
        other, _ = await _run(services, actor, second)

    assert "is left alone for" in run.error
    assert "'one'" in run.error
    assert "Out of order" in other.error
    assert service.keys.count("key-number-one") == breaker.FAILURES_MAX
    assert service.keys.count("key-number-two") == patience.ASKED_MAX


async def test_silence_of_a_service_is_a_failure(
    services: Services, actor: Actor, make_agent: MakeAgent
) -> None:
    services.models.silence = 0.2
    with serving_faults(in_turn("hanging", "well")) as service:
        model = await _connect(services, actor, service)
        agent = await make_agent(actor, model=model)
        run, events = await _run(services, actor, agent)

    assert run.status == RunStatus.COMPLETED, run.error
    assert "said nothing for 0.2 s" in _of(events, "retry_scheduled")[0]["reason"]
