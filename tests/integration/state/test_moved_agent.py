"""An agent is moved from the model on this machine to Ollama and on to another service while its runs go on."""

from contextlib import ExitStack
from typing import Any

import pytest

from app.backend.bootstrap import Services
from app.backend.core.actor import Actor
from app.backend.core.run_events import RunStatus
from app.backend.models import service as models
from app.backend.models.schemas import Environment, ModelDraft
from app.backend.providers import service as providers
from app.backend.providers.schemas import ProviderDraft
from app.backend.runs.schemas import RunView
from app.state.agent_editor import AgentEditorState
from tests.factories.rows import MakeAgent
from tests.integration.providers import vendors
from tests.integration.providers.vendors import KEY, WORDS
from tests.processes import Fork
from tests.runs import Runs, assert_log_is_whole
from tests.states import make_state

LOCAL = "local/smollm2-135m"
ANSWER = "".join(WORDS)
FORM: dict[str, Any] = {
    "name": "Clerk",
    "kind": "answer",
    "instructions": "Answer at length.",
    "temperature": "0",
    "max_tokens": "200",
    "passages": "4",
    "execution": "worker",
}


async def _connect(
    services: Services, actor: Actor, kind: str, name: str, url: str, **fields: Any
) -> str:
    draft = {"type": kind, "name": name, "settings": {"base_url": url}, "api_key": KEY}
    async with services.db.transaction() as session:
        provider = await providers.create_provider(
            session, actor, draft=ProviderDraft.model_validate(draft), parts=services
        )
        wanted = {"provider_id": provider.id, "name": "good", **fields}
        view = await models.add_model(
            session,
            actor,
            draft=ModelDraft.model_validate(wanted),
            environment=Environment.LAB,
        )
    return view.full_name


async def _move(cookie: str, path: str, model: str) -> None:
    # The two clicks: the model, and Save.
    state = make_state(AgentEditorState, path=path, cookie=cookie)
    await AgentEditorState.load_existing.fn(state)
    await AgentEditorState.save.fn(state, {**FORM, "model": model})
    assert state.errors == {}


async def _models_of(runs: Runs, run: RunView) -> list[str]:
    events = await runs.events(run.id)
    assert_log_is_whole(events)
    used = [one.payload for one in events if one.type == "usage_recorded"]
    return [one["model"] for one in used if one["outcome"] == "completed"]


@pytest.mark.usefixtures("runtime_url")
async def test_agent_is_moved_while_its_runs_go_on_and_a_dead_provider_is_in_the_log(
    services: Services,
    actor: Actor,
    cookie: str,
    make_agent: MakeAgent,
    worker: Fork,
) -> None:
    agent = await make_agent(actor, model=LOCAL, name="Clerk")
    runs, path = Runs(services, actor), f"/agents/{agent.id}/edit"

    async def move(model: str) -> None:
        await _move(cookie, path, model)

    with ExitStack() as stack:
        pond_url = stack.enter_context(vendors.serving(vendors.ollama()))
        pond = await _connect(services, actor, "ollama", "pond", pond_url)
        with vendors.serving(vendors.openai()) as url:
            house = await _connect(
                *(services, actor, "openai_compatible", "house"),
                f"{url}/v1",
                fallbacks=[pond],
            )
            first = await runs.start(agent.id, "Tell me of the sea.")
            await runs.wait_for_event(first.id, "message_delta")
            await move(pond)
            second = await runs.wait((await runs.start(agent.id)).id)
            await move(house)
            third = await runs.wait((await runs.start(agent.id)).id)
            first = await runs.wait(first.id)
        # The service is gone from here on.
        fourth = await runs.wait((await runs.start(agent.id)).id)

    ended = [first, second, third, fourth]
    assert [run.status for run in ended] == [RunStatus.COMPLETED] * 4, [
        run.error for run in ended
    ]
    answered = [await _models_of(runs, run) for run in ended]
    assert answered == [[LOCAL], [pond], [house], [pond]]
    assert first.output is not None
    assert first.output.answer
    assert [run.output.answer for run in ended[1:] if run.output] == [ANSWER] * 3
    hops = [one.payload for one in await runs.events(fourth.id)]
    (hop,) = [one for one in hops if "instead_of" in one]
    assert (hop["model"], hop["instead_of"]) == (pond, house)
    assert "does not answer" in hop["reason"]
