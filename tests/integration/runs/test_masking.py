"""Whose secrets are taken out of what a run says."""

import asyncio

from app.backend.bootstrap import Services
from app.backend.core import masking
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.runs import executor
from tests.factories.rows import MakeAgent
from tests.runs import Runs


async def test_secret_of_somebody_else_stays_a_word_and_ones_own_is_cut_out(
    services: Services,
    actor: Actor,
    other_actor: Actor,
    make_agent: MakeAgent,
    runs: Runs,
) -> None:
    masking.learn("plain-words-of-one", other_actor.user_id)
    masking.learn("plain-words-of-two", actor.user_id)
    agent = await make_agent(actor, model="scripted/echo")
    run = await runs.start(agent.id, "plain-words-of-one, plain-words-of-two")

    await executor.execute_run(
        services, run.id, worker="here", shutdown=asyncio.Event()
    )

    ended = await runs.get(run.id)
    assert ended.status == RunStatus.COMPLETED, ended.error
    assert ended.output is not None
    assert ended.output.answer == f"plain-words-of-one, {masking.MASK}"
    assert await runs.answer(run.id) == ended.output.answer
    said = [
        event.payload["text"]
        for event in await runs.events(run.id)
        if event.type == "message_delta"
    ]
    assert "".join(said) == ended.output.answer
