"""One question to several models: their answers, what they took, stopping one, and an agent of one."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import select

from app.backend.agents import playground
from app.backend.agents.playground import Trial
from app.backend.agents.tables import AgentRow
from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.usage.recording import record_call
from app.backend.usage.tables import UsageRecordRow
from app.state import asking, edge, tabs
from app.state.playground import PlaygroundState
from tests.priced import add_priced
from tests.states import make_state

ENDLESS = 'scripted/{"tokens": 5000, "tokens_per_second": 20}'


@pytest.fixture(autouse=True)
def _parts(services: Services) -> None:
    edge.install(services)
    tabs.install(lambda _: True)


@pytest.fixture
def page(cookie: str) -> PlaygroundState:
    """The playground in a tab of the signed-in person."""
    return make_state(PlaygroundState, path="/playground", cookie=cookie)


async def _ask(page: PlaygroundState, *models: str, **form: str) -> None:
    named = {f"model_{n}": name for n, name in enumerate(models, start=1)}
    await PlaygroundState.submit.fn(page, {"prompt": "Why?", **named, **form})


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while True:
            if is_so():
                return
            await asyncio.sleep(0.01)


async def _rows(services: Services) -> list[UsageRecordRow]:
    async with services.db.read() as session:
        return list((await session.exec(select(UsageRecordRow))).all())


async def test_models_answer_side_by_side_and_are_counted(
    services: Services, actor: Actor, page: PlaygroundState
) -> None:
    (priced,) = await add_priced(services, actor, '{"text": "one two three"}')
    await PlaygroundState.load.fn(page)
    await _ask(page, priced, "scripted/echo", "gone/away", instructions="Be short.")

    assert {priced, page.default_model} <= {model.name for model in page.models}
    first, second, third = page.answers
    assert (first.text, first.status) == ("one two three", asking.ENDED)
    assert first.tokens.endswith("3 out")
    assert first.cost.startswith("$")
    assert first.first_token.endswith("s")
    assert second.text == "Why?"
    assert (third.status, third.text) == (asking.FAILED, "")
    assert "no provider 'gone'" in third.problem
    assert not page.is_asking
    rows = {row.model: row for row in await _rows(services)}
    assert set(rows) == {priced, "scripted/echo"}
    assert rows[priced].owner_id == actor.user_id
    assert (rows[priced].agent_id, rows[priced].agent_name) == (None, "Playground")
    assert (rows[priced].cost_micros or 0) > 0


async def test_one_answer_is_stopped_and_what_was_said_is_counted(
    services: Services, page: PlaygroundState
) -> None:
    going_on = asyncio.create_task(_ask(page, ENDLESS, "scripted/echo"))
    await _until(lambda: bool(page.answers and page.answers[0].text))
    await PlaygroundState.stop.fn(page, 0)
    async with asyncio.timeout(20):
        await going_on

    stopped, other = page.answers
    assert (stopped.status, other.status) == (asking.STOPPED, asking.ENDED)
    assert stopped.text.startswith("word1 ")
    assert stopped.tokens.startswith("about ")
    assert stopped.cost
    assert {row.outcome for row in await _rows(services)} == {"cut", "completed"}


async def test_answer_that_is_stopped_again_and_again_is_counted(
    services: Services, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, is_stored = asyncio.Event(), asyncio.Event()

    async def record(*args: Any, **values: Any) -> Any:
        slow.set()
        await is_stored.wait()
        return await record_call(*args, **values)

    monkeypatch.setattr(playground, "record_call", record)
    trial = Trial(prompt="Why?")
    async with asking.Asking(services, actor, [ENDLESS], trial) as asked:
        await _until(lambda: bool(asked.answers[0].text))
        asked.stop(0)
        await slow.wait()
        asked.stop(0)
        asyncio.get_running_loop().call_later(0.1, is_stored.set)

    assert asked.answers[0].status == asking.STOPPED
    assert [row.outcome for row in await _rows(services)] == ["cut"]


async def test_failure_that_nobody_expected_ends_the_answer(
    services: Services, page: PlaygroundState, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        message = "a secret"
        raise RuntimeError(message)

    monkeypatch.setattr(playground, "_take", broken)
    await _ask(page, "scripted/echo")

    (answer,) = page.answers
    assert (answer.status, page.is_asking) == (asking.FAILED, False)
    assert "error id" in answer.problem
    assert "a secret" not in answer.problem
    assert [row.outcome for row in await _rows(services)] == ["failed"]


async def test_leaving_the_page_ends_what_goes_on(
    services: Services, page: PlaygroundState
) -> None:
    going_on = asyncio.create_task(_ask(page, ENDLESS))
    await _until(lambda: bool(page.answers))
    await PlaygroundState.leave.fn(page)
    async with asyncio.timeout(20):
        await going_on

    assert page.answers == []
    assert [row.outcome for row in await _rows(services)] == ["cut"]


async def test_model_becomes_an_agent_as_it_was_asked(
    services: Services, actor: Actor, page: PlaygroundState
) -> None:
    await _ask(
        page,
        "scripted/echo",
        instructions="Be short.",
        temperature="0.5",
        max_tokens="64",
    )
    await PlaygroundState.save.fn(page, 0)

    async with services.db.read() as session:
        (agent,) = (await session.exec(select(AgentRow))).all()
    assert (agent.owner_id, agent.model) == (actor.user_id, "scripted/echo")
    assert (agent.instructions, agent.temperature) == ("Be short.", 0.5)
    assert agent.max_tokens == 64


async def test_question_without_a_model_is_explained(page: PlaygroundState) -> None:
    form: dict[str, Any] = {"prompt": "Why?"}
    await PlaygroundState.submit.fn(page, form)

    assert page.errors == {"model_1": "Choose a model."}
